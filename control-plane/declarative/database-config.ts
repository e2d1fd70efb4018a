import { runDocumentThread } from '../../shared/declarative/document-thread.ts';
import type { DeclarativeConfig, LoadRequest, LoadResult } from '../admin/declarative-config.ts';
import { currentActor } from '../store/actor.ts';
import type { EntityStore } from '../store/entity-store.ts';
import type { WriteHold } from '../store/write-hold.ts';
import type { LoadOutcome, LoadTask, Meanwhile, Place } from './load-task.ts';

export interface DatabaseConfigOptions {
  readonly store: EntityStore;
  /** Held by a load in its last step. */
  readonly hold: WriteHold;
  /** File of the store's database. */
  readonly database: string;
  /** Lines of the keyring that its secrets are under; undefined: they are in clear text. */
  readonly keyring: readonly string[] | undefined;
  /** The key of masks for the read-only token. */
  readonly maskKey: Uint8Array;
}

const threadFile = new URL('load-worker.js', import.meta.url);

/**
 * Returns the configuration in the database as a whole. Loads run in a thread of their own, so that no other call waits
 * for them.
 */
export function databaseConfig(options: DatabaseConfigOptions): DeclarativeConfig & { stop(): Promise<void> } {
  const { store, hold } = options;
  let running: Promise<LoadOutcome> | undefined;
  return {
    read() {
      const { version, entities } = store.readAll();
      return { entities, etag: etagOf(version) };
    },
    etag: () => etagOf(store.version()),
    writable: () => hold.released(),
    async load(request): Promise<LoadResult> {
      if (running !== undefined) return { kind: 'busy' };
      const { expectedEtag } = request;
      if (expectedEtag !== undefined && expectedEtag !== etagOf(store.version())) return { kind: 'changed' };
      running = runLoad(options, taskOf(options, request)).finally(() => (running = undefined));
      const result = await running;
      return result.kind === 'loaded' ? { ...result, etag: etagOf(result.version) } : result;
    },
    /** Waits for a load in progress. */
    async stop() {
      await running?.catch(() => undefined);
    },
  };
}

function taskOf({ store, database, keyring, maskKey }: DatabaseConfigOptions, request: LoadRequest): LoadTask {
  const { bytes, json, dryRun, expectedEtag } = request;
  const expected = expectedEtag === undefined ? {} : { expectedRevision: store.revision() };
  return { database, keyring, actor: currentActor(), bytes, json, dryRun, maskKey, ...expected };
}

/** Runs the thread of a load, and lets it and the writes of this process learn of each other. */
async function runLoad({ store, hold }: DatabaseConfigOptions, task: LoadTask): Promise<LoadOutcome> {
  const others = followOthers(store);
  let release = (): void => undefined;
  const committed = new Promise<void>((resolve) => (release = resolve));
  try {
    return await runDocumentThread<LoadOutcome>({
      file: threadFile,
      task,
      onCommitting() {
        hold.hold(committed);
        return others.meanwhile();
      },
      onCommitted() {
        others.tellOfThread();
        release();
      },
    });
  } finally {
    // However it ended: a thread may fail after it has committed.
    others.tellOfThread();
    others.end();
    release();
  }
}

/** Notes the writes that this process makes while a load runs. */
function followOthers(store: EntityStore) {
  let changed: Place[] | undefined = [];
  let lastSeen = store.revision();
  const end = store.onChange((newRevision, changes) => {
    // Another process may write to the database too, and nobody tells which entities it changed.
    if (changes === undefined || newRevision !== lastSeen + 1) changed = undefined;
    else changed?.push(...changes.map(({ plural, id }) => ({ plural, id })));
    lastSeen = newRevision;
  });
  return {
    meanwhile(): Meanwhile {
      const revision = store.revision();
      return { revision, changed: revision === lastSeen ? changed : undefined };
    },
    /** Tells the store's listeners of a change that the thread has committed. */
    tellOfThread(): void {
      if (store.revision() !== lastSeen) store.changedElsewhere();
    },
    end,
  };
}

function etagOf(version: string): string {
  return `"${version}"`;
}
