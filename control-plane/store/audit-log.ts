import { isDeepStrictEqual } from 'node:util';
import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import { maskEntity } from '../../shared/entities/secret-fields.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import { isRecord } from '../../shared/schema/is-record.ts';
import { nameOf, type SnapshotEntity } from '../../shared/snapshot.ts';
import { currentActor } from './actor.ts';
import type { Database } from './database.ts';
import type { Page } from './page.ts';

/** One change of one entity, as `GET /audit/objects` answers it. Secrets are masked before it is stored. */
export interface AuditEntry {
  /** Grows with each change. */
  readonly id: number;
  /** Seconds since 1970, with a fraction. */
  readonly at: number;
  /** The name of the token, `anonymous` where none is needed, or `sluice` itself. */
  readonly actor: string;
  readonly operation: 'create' | 'update' | 'delete';
  /** Plural. */
  readonly entity: string;
  readonly entity_id: string;
  readonly entity_name: string;
  /** Of the configuration, after the change. */
  readonly revision: number;
  /** Paths of the fields that differ, secret ones too. */
  readonly changed: readonly string[];
  /** Null where there is none, and where it is larger than is kept. */
  readonly old: object | null;
  readonly new: object | null;
}

export interface AuditLog {
  /** Called within the transaction of the change. */
  record(change: Change): void;
  /** Many changes of a revision that is not known yet; one set at a time for a connection. */
  stage(): StagedAudit;
  /** Forgets what is too old or too much; called once a transaction. */
  prune(): void;
  /** The newest first. */
  page(query: { readonly size: number; readonly before?: number }): Page<AuditEntry>;
}

/** Changes beside the log: they are not read from it before they are applied. */
export interface StagedAudit {
  add(change: Omit<Change, 'revision'>): void;
  drop(plural: string, id: string): void;
  /** Called within the transaction of the changes. */
  apply(revision: number): void;
}

export interface Change {
  readonly entity: EntityDescriptor;
  readonly before: SnapshotEntity | undefined;
  readonly after: SnapshotEntity | undefined;
  readonly revision: number;
}

export interface AuditLogOptions {
  readonly database: Database;
  readonly plugins: PluginSchemas;
  readonly nowMs?: () => number;
  readonly limits?: AuditLimits;
}

export interface AuditLimits {
  readonly entriesMax: number;
  readonly ageMsMax: number;
  /** Of an entity's JSON, before and after the change each. */
  readonly entityBytesMax: number;
}

export const auditLimits: AuditLimits = {
  entriesMax: 20_000,
  ageMsMax: 30 * 86_400_000,
  entityBytesMax: 64 * 1024,
};

/** Paths named of one change. */
const changedMax = 100;

interface Row {
  readonly id: number;
  readonly at_ms: number;
  readonly document: string;
}

/** Who changed what, in the database of the configuration itself: a change is recorded if and only if it was made. */
export function createAuditLog(options: AuditLogOptions): AuditLog {
  const { database, plugins, nowMs = Date.now, limits = auditLimits } = options;
  const insert = database.prepare<[number, string]>('INSERT INTO audit_objects (at_ms, document) VALUES (?, ?)');
  const pruneOld = database.prepare<[number]>('DELETE FROM audit_objects WHERE at_ms < ?');
  const pruneMany = database.prepare<[number]>(
    'DELETE FROM audit_objects WHERE id <= (SELECT max(id) FROM audit_objects) - ?',
  );
  const select = database.prepare<[number, number], Row>(
    'SELECT id, at_ms, document FROM audit_objects WHERE id < ? ORDER BY id DESC LIMIT ?',
  );

  function kept(entity: EntityDescriptor, value: SnapshotEntity | undefined): object | null {
    if (value === undefined) return null;
    const masked = maskEntity(entity, plugins, value);
    return Buffer.byteLength(JSON.stringify(masked)) > limits.entityBytesMax ? null : masked;
  }

  /** The JSON of an entry without its opening brace and the revision; undefined when nothing changed. */
  function textOf({ entity, before, after }: Omit<Change, 'revision'>): string | undefined {
    const value = after ?? before;
    if (value === undefined) return undefined;
    const changed = before === undefined || after === undefined ? [] : changedPaths(before, after);
    if (before !== undefined && after !== undefined && changed.length === 0) return undefined;
    const entry: Omit<AuditEntry, 'id' | 'at' | 'revision'> = {
      actor: currentActor(),
      operation: before === undefined ? 'create' : after === undefined ? 'delete' : 'update',
      entity: entity.plural,
      entity_id: value.id,
      entity_name: nameOf(value),
      changed: changed.slice(0, changedMax),
      old: kept(entity, before),
      new: kept(entity, after),
    };
    return JSON.stringify(entry).slice(1);
  }

  return {
    record({ revision, ...change }) {
      const text = textOf(change);
      if (text !== undefined) insert.run(nowMs(), `{"revision":${revision},${text}`);
    },
    stage() {
      database.exec(`
        DROP TABLE IF EXISTS temp.staged_audit;
        CREATE TEMP TABLE staged_audit (number INTEGER PRIMARY KEY, entity TEXT, id TEXT, at_ms INTEGER, text TEXT);
        CREATE INDEX temp.staged_audit_place ON staged_audit (entity, id)`);
      const add = database.prepare<[string, string | undefined, number, string]>(
        'INSERT INTO temp.staged_audit (entity, id, at_ms, text) VALUES (?, ?, ?, ?)',
      );
      const drop = database.prepare<[string, string]>('DELETE FROM temp.staged_audit WHERE entity = ? AND id = ?');
      const apply = database.prepare<[string, number]>(`
        INSERT INTO main.audit_objects (at_ms, document) SELECT at_ms, ? || text FROM temp.staged_audit ORDER BY number
        LIMIT -1 OFFSET max(0, (SELECT count(*) FROM temp.staged_audit) - ?)`);
      return {
        add(change) {
          const text = textOf(change);
          if (text !== undefined) add.run(change.entity.plural, (change.after ?? change.before)?.id, nowMs(), text);
        },
        drop: (plural, id) => void drop.run(plural, id),
        // The oldest of more than are kept would be forgotten at once.
        apply: (revision) => void apply.run(`{"revision":${revision},`, limits.entriesMax),
      };
    },
    prune() {
      pruneOld.run(nowMs() - limits.ageMsMax);
      pruneMany.run(limits.entriesMax);
    },
    page({ size, before = Number.MAX_SAFE_INTEGER }) {
      const rows = select.all(before, size + 1);
      const items = rows.slice(0, size).map(entryOf);
      const last = items.at(-1);
      return rows.length > size && last !== undefined ? { items, next: String(last.id) } : { items };
    },
  };
}

function entryOf({ id, at_ms: atMs, document }: Row): AuditEntry {
  // Only `record` writes them.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const rest = JSON.parse(document) as Omit<AuditEntry, 'id' | 'at'>;
  return { id, at: atMs / 1_000, ...rest };
}

/** Dotted paths of the fields that differ; the time of the change itself is none. */
function changedPaths(before: SnapshotEntity, after: SnapshotEntity): string[] {
  return difference(before, after, '').filter((path) => path !== 'updated_at');
}

function difference(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
  prefix: string,
): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) => {
    const [old, fresh] = [before[name], after[name]];
    if (isDeepStrictEqual(old, fresh)) return [];
    const path = `${prefix}${name}`;
    return isRecord(old) && isRecord(fresh) ? difference(old, fresh, `${path}.`) : [path];
  });
}
