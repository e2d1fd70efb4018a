import { once } from 'node:events';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import {
  differenceTo,
  entitiesById,
  isDifferent,
  type Change,
  type Difference,
} from '../../shared/declarative/carry-over.ts';
import { changeSummary } from '../../shared/declarative/change-summary.ts';
import { compileDocument, type CompiledEntity } from '../../shared/declarative/compile-document.ts';
import { documentErrors } from '../../shared/declarative/document-errors.ts';
import { matchNames } from '../../shared/declarative/match-names.ts';
import { parseDocumentBytes } from '../../shared/declarative/parse-document.ts';
import { autoValues } from '../../shared/auto-values.ts';
import { entities } from '../../shared/entities/entities.ts';
import { mayHoldMasks, unmasker, type Unmask } from '../../shared/entities/unmask.ts';
import { silentLogger } from '../../shared/log.ts';
import { digestMask } from '../../shared/schema/mask.ts';
import { pluginSchemas } from '../../shared/plugin-schemas/plugin-schemas.ts';
import { entityKey } from '../../shared/snapshot-wire.ts';
import type { SnapshotEntity } from '../../shared/snapshot.ts';
import { actAs } from '../store/actor.ts';
import { createAuditLog } from '../store/audit-log.ts';
import { openDatabase } from '../store/database.ts';
import { plainDocuments, sealedDocuments, type Documents } from '../store/documents.ts';
import { createEntityStore, type EntityStore } from '../store/entity-store.ts';
import { parseKeyring } from '../store/keyring.ts';
import type { Exchange } from '../store/entity-access.ts';
import type { LoadMessage, LoadTask, Meanwhile, Place } from './load-task.ts';

// The thread of a load reads and checks the document, compares it with the database, and writes the difference. It holds
// the lock of the database for the last step only, because writes of the main thread wait for it.

async function load(task: LoadTask, port: MessagePort): Promise<LoadMessage> {
  const parsed = parseDocumentBytes(task.bytes, { json: task.json });
  if (parsed.kind === 'faults') return { kind: 'faults', errors: documentErrors(parsed.faults, pluginSchemas) };
  const database = openDatabase({ path: task.database });
  // A load writes much: the journal is moved into the database when the lock is free again.
  database.pragma('wal_autocheckpoint = 0');
  try {
    // No listener is in this thread; the main thread tells its own.
    const store = createEntityStore({
      database,
      entities,
      logger: silentLogger(),
      plugins: pluginSchemas,
      documents: documentsOf(task.keyring),
      audit: createAuditLog({ database, plugins: pluginSchemas }),
    });
    const compiled = compileDocument({
      document: parsed.document,
      entities,
      plugins: pluginSchemas,
      auto: autoValues,
      ...unmaskOf(task, store),
    });
    if (compiled.kind === 'faults') return { kind: 'faults', errors: documentErrors(compiled.faults, pluginSchemas) };
    return await write(task, compiled.entities, store, port);
  } finally {
    database.pragma('wal_checkpoint(PASSIVE)');
    database.close();
  }
}

/** A dry run may compare the masks that a reader without the right to see secrets was given. */
function unmaskOf({ dryRun, bytes, maskKey }: LoadTask, store: EntityStore): { readonly unmask?: Unmask } {
  if (!dryRun || !mayHoldMasks(bytes)) return {};
  const mask = digestMask(Buffer.from(maskKey));
  return {
    unmask: unmasker({ entities: store.readAll().entities, descriptors: entities, plugins: pluginSchemas, mask }),
  };
}

function documentsOf(keyring: readonly string[] | undefined): Documents {
  if (keyring === undefined) return plainDocuments;
  return sealedDocuments({ keyring: parseKeyring(keyring), plugins: pluginSchemas });
}

async function write(
  { dryRun, expectedRevision }: LoadTask,
  compiled: readonly CompiledEntity[],
  store: EntityStore,
  port: MessagePort,
): Promise<LoadMessage> {
  const compare = () => {
    const { revision, version, entities: stored } = store.readAll();
    const before = entitiesById(stored);
    const matched = matchNames(compiled, before, { entities, plugins: pluginSchemas });
    return { revision, version, matched, difference: differenceTo(matched, before) };
  };
  const isOther = (revision: number) => expectedRevision !== undefined && revision !== expectedRevision;
  const first = compare();
  if (isOther(first.revision)) return { kind: 'changed' };
  if (dryRun || !isDifferent(first.difference)) return loaded(first.difference, first, dryRun);
  let staged = store.stage();
  staged.add(exchangeOf(first.difference));
  tell(port, { kind: 'committing' });
  // Only `databaseConfig` answers.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const [meanwhile] = (await once(port, 'message')) as [Meanwhile];
  const { value, ...written } = store.write((writes) => {
    const now = store.revision();
    if (isOther(now)) return undefined;
    let { difference } = first;
    if (now !== first.revision) {
      // Other writes came in between; the document replaces them as well.
      if (meanwhile.revision === now && meanwhile.changed !== undefined) {
        const part = differenceAt(meanwhile.changed, first.matched, store);
        difference = followed(difference, part, meanwhile.changed);
        for (const { plural, id } of meanwhile.changed) staged.drop(plural, id);
        staged.add(exchangeOf(part));
      } else {
        ({ difference } = compare());
        staged = store.stage();
        staged.add(exchangeOf(difference));
      }
    }
    writes.exchange(staged);
    return difference;
  });
  tell(port, { kind: 'committed' });
  return value === undefined ? { kind: 'changed' } : loaded(value, written);
}

function exchangeOf({ created, updated, deleted }: Difference): Exchange {
  const replaced = updated.map(({ plural, before }) => ({ plural, value: before }));
  return { removed: [...deleted, ...replaced], added: [...updated, ...created] };
}

/** Returns the part of the difference that concerns these places. */
function differenceAt(places: readonly Place[], compiled: readonly CompiledEntity[], store: EntityStore): Difference {
  const keys = keysOf(places);
  const before: Record<string, SnapshotEntity[]> = {};
  for (const { plural, id } of places) {
    const entity = store.get(plural, id);
    if (entity !== undefined) (before[plural] ??= []).push(entity);
  }
  const wanted = compiled.filter(({ entity, value }) => keys.has(entityKey(entity.plural, value.id)));
  return differenceTo(wanted, entitiesById(before));
}

/** Returns the difference with another one in some places. */
function followed(difference: Difference, part: Difference, places: readonly Place[]): Difference {
  const keys = keysOf(places);
  const elsewhere = <T extends Change>(changes: readonly T[]): T[] =>
    changes.filter(({ plural, value }) => !keys.has(entityKey(plural, value.id)));
  const created = [...elsewhere(difference.created), ...part.created];
  const updated = [...elsewhere(difference.updated), ...part.updated];
  const deleted = [...elsewhere(difference.deleted), ...part.deleted];
  const unchanged = difference.all.length - created.length - updated.length;
  return { created, updated, deleted, unchanged, all: difference.all };
}

function keysOf(places: readonly Place[]): ReadonlySet<string> {
  return new Set(places.map(({ plural, id }) => entityKey(plural, id)));
}

function loaded(
  difference: Difference,
  { revision, version }: { readonly revision: number; readonly version: string },
  withValues = false,
): LoadMessage {
  const summary = changeSummary(difference, withValues ? { entities, plugins: pluginSchemas } : undefined);
  return { kind: 'loaded', summary, revision, version };
}

function tell(port: MessagePort, message: LoadMessage): void {
  port.postMessage(message);
}

if (parentPort === null) throw new Error('This file is the thread of a load');
// Only `databaseConfig` starts this file.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const task = workerData as LoadTask;
const port = parentPort;
tell(port, await actAs(task.actor, () => load(task, port)));
