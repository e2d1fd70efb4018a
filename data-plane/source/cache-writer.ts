import { type BackoffLimits, doublingMs } from '../../shared/backoff.ts';
import type { Logger } from '../../shared/log.ts';
import { Rerun } from '../../shared/rerun.ts';
import { withinTime } from '../../shared/within-time.ts';
import type { DatabaseMark, SnapshotCache } from './snapshot-cache.ts';

/** How long an ack waits for the disk: an acked version survives a restart, but a hung disk must not hide the apply. */
const cacheWaitMs = 1_000;
const defaultRetry: BackoffLimits = { firstMs: 1_000, maxMs: 60_000 };

export interface Unsaved {
  readonly hash: string;
  readonly database: DatabaseMark | undefined;
  /** Packs the snapshot; called only for one that is written. */
  readonly body: () => Promise<Uint8Array>;
}

export interface CacheWriterOptions {
  readonly cache: SnapshotCache;
  readonly logger: Logger;
  readonly retry?: BackoffLimits;
}

/** Writes the running configuration to disk: one file at a time, and of the waiting ones only the newest. */
export class CacheWriter {
  readonly #options: CacheWriterOptions;
  #unsaved: Unsaved | undefined;
  #fault: string | undefined;
  #failures = 0;
  #retryTimer: NodeJS.Timeout | undefined;
  #stopped = false;
  readonly #saver = new Rerun(() => this.#saveNewest());

  constructor(options: CacheWriterOptions) {
    this.#options = options;
  }

  /** Says why the newest configuration is not on disk; undefined when it is, or is being written for the first time. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Resolves when this snapshot, or a newer one, is on disk, or after `cacheWaitMs`. A failed write is tried again. */
  async save(unsaved: Unsaved): Promise<void> {
    this.#unsaved = unsaved;
    this.#saver.start();
    await withinTime(this.#saver.idle(), cacheWaitMs, () => undefined);
  }

  /** Ends the retries and waits for the write that is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retryTimer);
    await this.#saver.idle();
  }

  async #saveNewest(): Promise<void> {
    const unsaved = this.#unsaved;
    if (unsaved === undefined) return;
    this.#unsaved = undefined;
    clearTimeout(this.#retryTimer);
    const { cache, logger } = this.#options;
    const { hash, database } = unsaved;
    try {
      await cache.save({ hash, database, body: await unsaved.body() });
      if (this.#fault !== undefined) logger.info('cache_written', 'The configuration is on disk again', { hash });
      this.#fault = undefined;
      this.#failures = 0;
    } catch (error) {
      this.#failed(unsaved, error instanceof Error ? error.message : String(error));
    }
  }

  #failed(unsaved: Unsaved, fault: string): void {
    const { logger, retry = defaultRetry } = this.#options;
    this.#fault = fault;
    // A newer snapshot that came meanwhile is written instead.
    this.#unsaved ??= unsaved;
    const waitMs = doublingMs(this.#failures, retry);
    this.#failures += 1;
    logger.error('cache_not_written', 'The configuration runs but could not be written to disk; the next try follows', {
      hash: unsaved.hash,
      error: fault,
      wait_ms: waitMs,
    });
    if (!this.#stopped) this.#retryTimer = setTimeout(() => this.#saver.start(), waitMs);
  }
}
