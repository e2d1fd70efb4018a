import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import { isRecord } from '../../shared/schema/is-record.ts';
import type { AuditLog } from '../store/audit-log.ts';
import type { AuditEntry } from '../store/audit-text.ts';
import type { EntityStore } from '../store/entity-store.ts';
import { StoreViolation } from '../store/store-errors.ts';
import { entityNotFound, invalidOffset, plainError, schemaViolation, violationError } from './admin-error.ts';
import type { SyncGate } from './clustering.ts';
import { checkIfMatch } from './etag.ts';
import { decodeOffset, encodeOffset, listBody, querySize } from './list-query.ts';
import type { PathAbout } from './openapi.ts';
import type { AdminAnswer, Call, Handlers } from './resource.ts';
import { type GivenSecrets, presentEntity, revertChanges } from './revert.ts';
import { syncHeaders, waitTimeoutMs } from './wait-applied.ts';

export interface AuditRoutesOptions {
  readonly audit: AuditLog;
  readonly store: EntityStore;
  readonly entities: readonly EntityDescriptor[];
  readonly plugins: PluginSchemas;
  readonly syncGate?: SyncGate;
  readonly add: (path: string, handlers: Handlers, about?: PathAbout) => void;
}

/** Entities that one revert changes: it is one transaction, and all other calls wait for it. */
const revertMax = 2_000;

const aboutRevert = {
  summary: 'Undoes a change, with all that went along with it: the entity becomes what it was before.',
  body: {
    type: 'object',
    properties: {
      secrets: {
        type: 'object',
        description: 'Secrets that the audit log does not keep: by id of the entity, then by dotted path.',
        additionalProperties: { type: 'object' },
      },
    },
  },
};

/** Adds the list of who changed what, the newest change first, and the way back. */
export function addAuditRoutes(options: AuditRoutesOptions): void {
  const { audit, add } = options;
  add('/audit/objects', {
    GET({ path, query }) {
      const size = querySize(query);
      const given = query.get('offset');
      const page = audit.page({ size, ...(given === undefined ? {} : { before: entryId(given) }) });
      const offset = page.next === undefined ? {} : { offset: encodeOffset([page.next]) };
      return { status: 200, body: listBody({ path, query, size, data: page.items, ...offset }) };
    },
  });
  add('/audit/objects/:id/revert', { POST: (call) => revert(options, call) }, aboutRevert);
}

async function revert(options: AuditRoutesOptions, call: Call): Promise<AdminAnswer> {
  const { store, entities, plugins, syncGate } = options;
  const timeoutMs = waitTimeoutMs(call.query);
  const { change, changes } = changesOf(options, call.param('id'));
  const secrets = secretsOf(call);
  const { revision } = translated(() =>
    store.write((writes) => {
      checkIfMatch(call.ifMatch, presentEntity({ writes, entities }, change));
      revertChanges({ writes, entities, plugins }, changes, secrets);
    }),
  );
  const reverted = changes.map(({ id, operation, entity, entity_id, entity_name }) => ({
    id,
    operation,
    entity,
    entity_id,
    entity_name,
  }));
  return { status: 200, body: { revision, reverted }, headers: await syncHeaders(syncGate, timeoutMs, revision) };
}

/** Returns a change with all others of its revision: they were made together and go back together. Throws AdminError. */
function changesOf({ audit }: AuditRoutesOptions, id: string): { change: AuditEntry; changes: readonly AuditEntry[] } {
  const found = /^\d{1,15}$/.test(id) ? audit.together(Number(id), revertMax) : undefined;
  const change = found?.entries.find((entry) => entry.id === Number(id));
  if (found === undefined || change === undefined) throw entityNotFound();
  if (change.operation === 'try') throw plainError(409, 'The entry is a trial, which has changed nothing');
  const hint = 'write the configuration of before with POST /config instead';
  if (found.kind === 'too_many')
    throw plainError(409, `The change is one of more than ${revertMax} that were made together: ${hint}`);
  if (found.kind === 'cut')
    throw plainError(409, `The audit log does not keep all changes that were made together with this one: ${hint}`);
  return { change, changes: found.entries };
}

/** Reads `{"secrets": {"<id>": {"config.password": "…"}}}`. Throws AdminError. */
function secretsOf({ body }: Call): GivenSecrets {
  if (body === undefined) return new Map();
  const secrets = body.kind === 'json' ? (body.value['secrets'] ?? {}) : undefined;
  if (!isRecord(secrets)) throw schemaViolation([{ path: ['secrets'], message: 'expected a record' }]);
  return new Map(
    Object.entries(secrets).map(([id, fields]) => {
      if (!isRecord(fields)) throw schemaViolation([{ path: ['secrets', id], message: 'expected a record' }]);
      return [id, fields] as const;
    }),
  );
}

function translated<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof StoreViolation ? violationError(error) : error;
  }
}

function entryId(offset: string): number {
  const [id = ''] = decodeOffset(offset);
  if (!/^\d{1,15}$/.test(id)) throw invalidOffset(offset, 'bad base64 encoding');
  return Number(id);
}
