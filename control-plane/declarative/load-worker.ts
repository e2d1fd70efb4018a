import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { differenceTo, entitiesById, isDifferent, type Difference } from '../../shared/declarative/carry-over.ts';
import { changeSummary } from '../../shared/declarative/change-summary.ts';
import { compileDocument, type CompiledEntity } from '../../shared/declarative/compile-document.ts';
import { documentErrors } from '../../shared/declarative/document-errors.ts';
import { parseDocumentBytes } from '../../shared/declarative/parse-document.ts';
import { entities } from '../../shared/entities/entities.ts';
import { silentLogger } from '../../shared/log.ts';
import { pluginSchemas } from '../../shared/plugin-schemas/plugin-schemas.ts';
import { actAs } from '../store/actor.ts';
import { createAuditLog } from '../store/audit-log.ts';
import { openDatabase } from '../store/database.ts';
import { plainDocuments, sealedDocuments, type Documents } from '../store/documents.ts';
import { createEntityStore, type EntityStore } from '../store/entity-store.ts';
import { parseKeyring } from '../store/keyring.ts';
import type { LoadMessage, LoadTask } from './load-task.ts';

// The thread of a load: reads and checks the document, compares it with the database, and writes the difference. The
// lock of the database is held for the writing only: what the main thread wants to write waits for it.

const auto = {
  uuid: () => randomUUID(),
  token: () => randomBytes(16).toString('hex'),
  now: () => Math.floor(Date.now() / 1000),
};

async function load(task: LoadTask, port: MessagePort): Promise<LoadMessage> {
  const { bytes, json } = task;
  const parsed = parseDocumentBytes(bytes, { json });
  if (parsed.kind === 'faults') return { kind: 'faults', errors: documentErrors(parsed.faults, pluginSchemas) };
  const compiled = compileDocument({ document: parsed.document, entities, plugins: pluginSchemas, auto });
  if (compiled.kind === 'faults') return { kind: 'faults', errors: documentErrors(compiled.faults, pluginSchemas) };
  const database = openDatabase({ path: task.database });
  try {
    // Nobody listens here; the main thread tells its own listeners.
    const store = createEntityStore({
      database,
      entities,
      logger: silentLogger(),
      plugins: pluginSchemas,
      documents: documentsOf(task.keyring),
      audit: createAuditLog({ database, plugins: pluginSchemas }),
    });
    return await write(task, compiled.entities, store, port);
  } finally {
    database.close();
  }
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
    const { revision, entities: before } = store.readAll();
    return { revision, difference: differenceTo(compiled, entitiesById(before)) };
  };
  const isOther = (revision: number) => expectedRevision !== undefined && revision !== expectedRevision;
  const first = compare();
  if (isOther(first.revision)) return { kind: 'changed' };
  if (dryRun || !isDifferent(first.difference)) return loaded(first.difference, first.revision);
  tell(port, { kind: 'committing' });
  await once(port, 'message');
  const { value, revision } = store.write((writes) => {
    // Another write may have come between; the whole document holds against that as well.
    const now = store.revision() === first.revision ? first : compare();
    if (isOther(now.revision)) return undefined;
    const { created, updated, deleted } = now.difference;
    const replaced = updated.map(({ plural, before }) => ({ plural, value: before }));
    writes.exchange({ removed: [...deleted, ...replaced], added: [...updated, ...created] });
    return now.difference;
  });
  return value === undefined ? { kind: 'changed' } : loaded(value, revision);
}

function loaded(difference: Difference, revision: number): LoadMessage {
  return { kind: 'loaded', summary: changeSummary(difference), revision };
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
