import { runDocumentThread } from '../../shared/declarative/document-thread.ts';
import type { DeclarativeConfig, LoadResult } from '../admin/declarative-config.ts';
import { currentActor } from '../store/actor.ts';
import type { EntityStore } from '../store/entity-store.ts';
import type { LoadOutcome, LoadTask } from './load-task.ts';

export interface DatabaseConfigOptions {
  readonly store: EntityStore;
  /** File of the store's database. */
  readonly database: string;
  /** Lines of the keyring that its secrets are under; undefined: they are in the clear. */
  readonly keyring: readonly string[] | undefined;
}

const threadFile = new URL('load-worker.js', import.meta.url);

/** The configuration in the database. Loads run in a thread of their own, so that no other call waits for them. */
export function databaseConfig({
  store,
  database,
  keyring,
}: DatabaseConfigOptions): DeclarativeConfig & { stop(): Promise<void> } {
  let running: Promise<LoadOutcome> | undefined;
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
      const onCommitting = () => {
        committing = running?.catch(() => undefined);
      };
      running = runDocumentThread<LoadOutcome>({ file: threadFile, task, onCommitting }).finally(() => {
        running = undefined;
        committing = undefined;
      });
      const result = await running;
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
