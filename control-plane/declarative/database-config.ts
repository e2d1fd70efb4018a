import { Worker } from 'node:worker_threads';
import { documentErrors } from '../../shared/declarative/document-errors.ts';
import type { DeclarativeConfig, LoadResult } from '../admin/declarative-config.ts';
import { currentActor } from '../store/actor.ts';
import type { EntityStore } from '../store/entity-store.ts';
import type { LoadMessage, LoadTask } from './load-task.ts';

export interface DatabaseConfigOptions {
  readonly store: EntityStore;
  /** File of the store's database. */
  readonly database: string;
  /** Lines of the keyring that its secrets are under; undefined: they are in the clear. */
  readonly keyring: readonly string[] | undefined;
}

/** How long a document may be read and checked. */
const prepareTimeoutMs = 60_000;
/** Memory of a load's thread; a document that needs more is refused. */
const heapMegabytesMax = 2048;

/** The configuration in the database. Loads run in a thread of their own, so that no other call waits for them. */
export function databaseConfig({
  store,
  database,
  keyring,
}: DatabaseConfigOptions): DeclarativeConfig & { stop(): Promise<void> } {
  let running: Promise<LoadMessage> | undefined;
  let committing: Promise<unknown> | undefined;
  return {
    read() {
      const { revision, entities } = store.readAll();
      return { entities, etag: etagOf(revision) };
    },
    etag: () => etagOf(store.revision()),
    async writable() {
      await committing;
    },
    async load(request): Promise<LoadResult> {
      if (running !== undefined) return { kind: 'busy' };
      const revision = store.revision();
      if (request.expectedEtag !== undefined && request.expectedEtag !== etagOf(revision)) return { kind: 'changed' };
      const { bytes, json, dryRun, expectedEtag } = request;
      const task: LoadTask = {
        database,
        keyring,
        actor: currentActor(),
        bytes,
        json,
        dryRun,
        ...(expectedEtag === undefined ? {} : { expectedRevision: revision }),
      };
      running = loadInWorker(task, () => {
        committing = running?.catch(() => undefined);
      }).finally(() => {
        running = undefined;
        committing = undefined;
      });
      const result = await running;
      if (result.kind === 'committing') throw new Error('A load ended without a result');
      if (result.kind !== 'loaded') return result;
      if (result.revision !== revision) store.changedElsewhere();
      return { ...result, etag: etagOf(result.revision) };
    },
    /** Waits for a load under way. */
    async stop() {
      await running?.catch(() => undefined);
    },
  };
}

function etagOf(revision: number): string {
  return `"revision-${revision}"`;
}

/** `onCommit` is called before the database's lock is taken. */
function loadInWorker(task: LoadTask, onCommit: () => void): Promise<LoadMessage> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('load-worker.js', import.meta.url), {
      workerData: task,
      transferList: task.bytes.buffer.byteLength === task.bytes.byteLength ? [task.bytes.buffer] : [],
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytesMax },
    });
    let result: LoadMessage | undefined;
    const timer = setTimeout(() => {
      result = refusal(`it could not be read within ${prepareTimeoutMs / 1000} s`);
      void worker.terminate();
    }, prepareTimeoutMs);
    worker.on('message', (message: LoadMessage) => {
      // From here on the database bounds the time.
      clearTimeout(timer);
      result = message;
      if (message.kind !== 'committing') return;
      onCommit();
      worker.postMessage('go on');
    });
    worker.on('error', (error: Error & { readonly code?: string }) => {
      if (error.code !== 'ERR_WORKER_OUT_OF_MEMORY') reject(error);
      else result ??= refusal('it needs too much memory');
    });
    worker.on('exit', () => {
      clearTimeout(timer);
      if (result === undefined) reject(new Error('The thread of a load ended without a result'));
      else resolve(result);
    });
  });
}

function refusal(reason: string): LoadMessage {
  const fault = { path: ['error'], message: `failed parsing declarative configuration: ${reason}` };
  return { kind: 'faults', errors: documentErrors([fault], {}) };
}
