import type { Apply, ApplyResult, ConfigSource, EntityFault } from '../../shared/config-source.ts';
import { type Logger, stackOf } from '../../shared/log.ts';
import { Rerun } from '../../shared/rerun.ts';
import { unpackSnapshot } from '../../shared/snapshot-wire.ts';
import type { SyncGate } from '../admin/clustering.ts';
import type { Publication } from './node-class.ts';
import type { Publisher } from './publisher.ts';

export interface LocalSourceOptions {
  readonly publisher: Pick<Publisher, 'latest' | 'revision' | 'onRevision'>;
  readonly logger: Logger;
}

/** The configuration for a data plane in the same process. */
export interface LocalSource extends ConfigSource, SyncGate {
  /** What the data plane refused last, until it runs another version. */
  rejected(): { readonly hash: string; readonly faults: readonly EntityFault[] } | undefined;
}

/**
 * Hands over each version that is published, as a stream would: the newest only, one at a time, packed and unpacked, so
 * that the two planes share nothing that can be changed.
 */
export function createLocalSource({ publisher, logger }: LocalSourceOptions): LocalSource {
  const waits = new Set<() => void>();
  let applied: string | undefined;
  let appliedRevision = -1;
  let rejected: { readonly hash: string; readonly faults: readonly EntityFault[] } | undefined;
  let rejectedRevision = -1;
  let worker: Rerun | undefined;
  let endRevisions = (): void => undefined;
  let stopped = false;

  /** The version that is to be tried next. */
  function pending(): Publication | undefined {
    const latest = publisher.latest();
    return stopped || latest?.hash === applied || latest?.hash === rejected?.hash ? undefined : latest;
  }

  async function work(apply: Apply): Promise<void> {
    for (let next = pending(); next !== undefined; next = pending()) note(next, await tryApply(apply, next));
    // Revisions that changed nothing which travels count as well.
    const { hash, revision = -1 } = publisher.latest() ?? {};
    const newest = Math.max(publisher.revision(), revision);
    if (hash !== undefined && hash === applied) appliedRevision = newest;
    else if (hash !== undefined && hash === rejected?.hash) rejectedRevision = newest;
    for (const wait of waits) wait();
  }

  function note({ hash, revision }: Publication, result: ApplyResult): void {
    if (result.kind === 'applied') {
      applied = hash;
      appliedRevision = revision;
      rejected = undefined;
      return;
    }
    rejected = { hash, faults: result.faults };
    rejectedRevision = revision;
  }

  async function tryApply(apply: Apply, next: Publication): Promise<ApplyResult> {
    try {
      const { snapshot } = await unpackSnapshot(next.hash, await next.snapshot());
      return await apply(snapshot);
    } catch (error) {
      logger.error('internal_error', 'Applying a configuration failed', { hash: next.hash, error: stackOf(error) });
      const message = 'An unexpected error occurred; see the log of the node';
      return {
        kind: 'rejected',
        faults: [{ entityType: 'snapshot', entityId: '', entityName: '', path: '', message }],
      };
    }
  }

  function state(revision: number): string | undefined {
    if (appliedRevision >= revision) return 'applied; nodes=1';
    return rejectedRevision >= revision ? 'rejected; node=local' : undefined;
  }

  return {
    async start(apply) {
      const started = new Rerun(async () => {
        if (!stopped) await work(apply);
      });
      worker = started;
      endRevisions = publisher.onRevision(() => started.start());
      started.start();
    },
    async stop() {
      stopped = true;
      endRevisions();
      await worker?.idle();
      for (const wait of waits) wait();
    },
    rejected: () => rejected,
    waitApplied: (revision, timeoutMs) =>
      new Promise((resolve) => {
        const finish = (text: string): void => {
          clearTimeout(timer);
          waits.delete(wait);
          resolve(text);
        };
        const wait = (): void => {
          const text = stopped ? 'stopped; applied=0; nodes=1' : state(revision);
          if (text !== undefined) finish(text);
        };
        const timer = setTimeout(() => finish('timeout; applied=0; nodes=1'), timeoutMs);
        waits.add(wait);
        wait();
      }),
  };
}
