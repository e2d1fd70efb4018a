import type { Apply, ApplyResult, ConfigSource, EntityFault } from '../../shared/config-source.ts';
import type { Destination } from '../../shared/destination.ts';
import { type Logger, stackOf } from '../../shared/log.ts';
import { Rerun } from '../../shared/rerun.ts';
import { unpackSnapshot } from '../../shared/snapshot-wire.ts';
import type { TargetHealths } from '../../shared/target-health.ts';
import type { SyncGate } from '../admin/clustering.ts';
import { unreachedText } from './node-destinations.ts';
import type { Publication } from './node-class.ts';
import type { Publisher } from './publisher.ts';
import { RevisionWaits, type WaitOutcome } from './revision-waits.ts';

/** How often the destinations are looked at while a write waits for them. */
const destinationPollMs = 50;

export interface LocalSourceOptions {
  readonly publisher: Pick<Publisher, 'latest' | 'revision' | 'onRevision'>;
  readonly logger: Logger;
}

/** The configuration for a data plane in the same process. */
export interface LocalSource extends ConfigSource, SyncGate {
  /** Returns the version that the data plane rejected last; undefined once it runs another one. */
  rejected(): Rejected | undefined;
  /** Names where the data plane tells whether it reaches its destinations. */
  watchDestinations(destinations: () => readonly Destination[]): void;
  /** Names the health of the data plane's targets. */
  watchTargets(targets: TargetHealths): void;
  /** Returns the health of the data plane's targets; undefined before it is named. */
  targets(): TargetHealths | undefined;
}

interface Rejected {
  readonly hash: string;
  readonly faults: readonly EntityFault[];
}

/** Makes the source for a data plane in the same process. */
export function createLocalSource(options: LocalSourceOptions): LocalSource {
  const source = new PublishedSource(options);
  let targets: TargetHealths | undefined;
  return {
    start: (apply) => source.start(apply),
    stop: () => source.stop(),
    rejected: () => source.rejected,
    watchDestinations: (destinations) => source.watchDestinations(destinations),
    watchTargets: (named) => void (targets = named),
    targets: () => targets,
    waitApplied: (revision, timeoutMs) => source.waitApplied(revision, timeoutMs),
  };
}

/**
 * Hands over each published version as a stream would: only the newest, one at a time. The version is packed and
 * unpacked, so that the two planes share no object that can change.
 */
class PublishedSource {
  readonly #publisher: LocalSourceOptions['publisher'];
  readonly #logger: Logger;
  readonly #waits = new RevisionWaits();
  #applied: string | undefined;
  #appliedRevision = -1;
  #rejected: Rejected | undefined;
  #rejectedRevision = -1;
  #worker: Rerun | undefined;
  #endRevisions = (): void => undefined;
  #stopped = false;
  #destinations: () => readonly Destination[] = () => [];
  #destinationTimer: NodeJS.Timeout | undefined;

  constructor({ publisher, logger }: LocalSourceOptions) {
    this.#publisher = publisher;
    this.#logger = logger;
  }

  get rejected(): Rejected | undefined {
    return this.#rejected;
  }

  watchDestinations(destinations: () => readonly Destination[]): void {
    this.#destinations = destinations;
  }

  async start(apply: Apply): Promise<void> {
    const worker = new Rerun(async () => {
      if (!this.#stopped) await this.#work(apply);
    });
    this.#worker = worker;
    this.#endRevisions = this.#publisher.onRevision(() => worker.start());
    worker.start();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#endRevisions();
    clearTimeout(this.#destinationTimer);
    await this.#worker?.idle();
    this.#waits.stop();
  }

  waitApplied(revision: number, timeoutMs: number): Promise<string> {
    return this.#waits.wait({
      timeoutMs,
      outcome: () => {
        if (this.#appliedRevision >= revision) return this.#appliedOutcome();
        return this.#rejectedRevision >= revision ? { text: 'rejected; node=local', isFinal: true } : undefined;
      },
      unfinished: (reason) => `${reason}; applied=0; nodes=1`,
    });
  }

  #appliedOutcome(): WaitOutcome {
    const destinations = this.#destinations();
    const isFinal = destinations.every(({ state }) => state !== 'untested');
    if (!isFinal) this.#lookLater();
    return { text: `applied; nodes=1${unreachedText(destinations)}`, isFinal };
  }

  #lookLater(): void {
    if (this.#stopped) return;
    this.#destinationTimer ??= setTimeout(() => {
      this.#destinationTimer = undefined;
      this.#waits.check();
    }, destinationPollMs);
  }

  async #work(apply: Apply): Promise<void> {
    for (let next = this.#pending(); next !== undefined; next = this.#pending())
      this.#note(next, await this.#tryApply(apply, next));
    // A revision that changed nothing which travels counts as applied or rejected like the version before it.
    const { hash, revision = -1 } = this.#publisher.latest() ?? {};
    const newest = Math.max(this.#publisher.revision(), revision);
    if (hash !== undefined && hash === this.#applied) this.#appliedRevision = newest;
    else if (hash !== undefined && hash === this.#rejected?.hash) this.#rejectedRevision = newest;
    this.#waits.check();
  }

  /** Returns the version to try next. */
  #pending(): Publication | undefined {
    const latest = this.#publisher.latest();
    const isKnown = latest?.hash === this.#applied || latest?.hash === this.#rejected?.hash;
    return this.#stopped || isKnown ? undefined : latest;
  }

  #note({ hash, revision }: Publication, result: ApplyResult): void {
    if (result.kind === 'applied') {
      this.#applied = hash;
      this.#appliedRevision = revision;
      this.#rejected = undefined;
      return;
    }
    this.#rejected = { hash, faults: result.faults };
    this.#rejectedRevision = revision;
  }

  async #tryApply(apply: Apply, next: Publication): Promise<ApplyResult> {
    try {
      const { snapshot } = await unpackSnapshot(next.hash, await next.snapshot());
      return await apply(snapshot);
    } catch (error) {
      const { hash } = next;
      this.#logger.error('internal_error', 'Applying a configuration failed', { hash, error: stackOf(error) });
      const message = 'An unexpected error occurred; see the log of the node';
      return {
        kind: 'rejected',
        faults: [{ entityType: 'snapshot', entityId: '', entityName: '', path: '', message }],
      };
    }
  }
}
