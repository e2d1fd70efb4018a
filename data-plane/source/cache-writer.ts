import type { Logger } from '../../shared/log.ts';
import { Rerun } from '../../shared/rerun.ts';
import type { SnapshotCache } from './snapshot-cache.ts';
import { withinTime } from '../../shared/within-time.ts';

/** How long an answer waits for the disk: what is acked survives a restart, but a hung disk does not hide the apply. */
const cacheWaitMs = 1_000;

interface Unsaved {
  readonly hash: string;
  /** Packs it; called only for what is written. */
  readonly body: () => Promise<Uint8Array>;
}

/** Keeps on disk what runs: one file at a time, and of those that wait only the newest. */
export class CacheWriter {
  readonly #cache: SnapshotCache;
  readonly #logger: Logger;
  #unsaved: Unsaved | undefined;
  readonly #saver = new Rerun(() => this.#saveNewest());

  constructor({ cache, logger }: { readonly cache: SnapshotCache; readonly logger: Logger }) {
    this.#cache = cache;
    this.#logger = logger;
  }

  /** Resolves when it, or a newer one, is on disk, or after `cacheWaitMs`. A failure is logged. */
  async save(unsaved: Unsaved): Promise<void> {
    this.#unsaved = unsaved;
    this.#saver.start();
    await withinTime(this.#saver.idle(), cacheWaitMs, () => undefined);
  }

  /** Resolves when nothing waits to be written. */
  idle(): Promise<void> {
    return this.#saver.idle();
  }

  async #saveNewest(): Promise<void> {
    const unsaved = this.#unsaved;
    this.#unsaved = undefined;
    if (unsaved === undefined) return;
    try {
      await this.#cache.save(unsaved.hash, await unsaved.body());
    } catch (error) {
      this.#logger.error('cache_not_written', 'The configuration runs but could not be kept on disk', {
        hash: unsaved.hash,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }
}
