import { runDocumentThread } from '../../shared/declarative/document-thread.ts';
import type { DeclarativeConfig, LoadResult } from '../admin/declarative-config.ts';
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
  /** Lines of the keyring that its secrets are under; undefined: they are in the clear. */
  readonly keyring: readonly string[] | undefined;
}

const threadFile = new URL('load-worker.js', import.meta.url);

/** The configuration in the database. Loads run in a thread of their own, so that no other call waits for them. */
export function databaseConfig({
  store,
  hold,
  database,
  keyring,
}: DatabaseConfigOptions): DeclarativeConfig & { stop(): Promise<void> } {
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
      const revision = store.revision();
      if (request.expectedEtag !== undefined && request.expectedEtag !== etagOf(store.version()))
        return { kind: 'changed' };
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
      let changed: Place[] | undefined = [];
      let lastSeen = revision;
      const endChanges = store.onChange((newRevision, changes) => {
        // Another process writes to the database too, and nobody says what.
        if (changes === undefined || newRevision !== lastSeen + 1) changed = undefined;
        else changed?.push(...changes.map(({ plural, id }) => ({ plural, id })));
        lastSeen = newRevision;
      });
      const onCommitting = (): Meanwhile => {
        hold.hold(committed);
        const now = store.revision();
        return { revision: now, changed: now === lastSeen ? changed : undefined };
      };
      const followThread = (): void => {
        if (store.revision() !== lastSeen) store.changedElsewhere();
      };
      let release = (): void => undefined;
      const committed = new Promise<void>((resolve) => (release = resolve));
      running = runDocumentThread<LoadOutcome>({
        file: threadFile,
        task,
        onCommitting,
        onCommitted() {
          followThread();
          release();
        },
      }).finally(() => {
        // However it ended: a thread may fail after it has committed.
        followThread();
        endChanges();
        release();
        running = undefined;
      });
      const result = await running;
      if (result.kind !== 'loaded') return result;
      return { ...result, etag: etagOf(result.version) };
    },
    /** Waits for a load under way. */
    async stop() {
      await running?.catch(() => undefined);
    },
  };
}

function etagOf(version: string): string {
  return `"${version}"`;
}
