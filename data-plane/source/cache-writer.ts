import type { Logger } from '../../shared/log.ts';
import { Rerun } from '../../shared/rerun.ts';
import { withinTime } from '../../shared/within-time.ts';
import type { SnapshotCache } from './snapshot-cache.ts';

/** How long an ack waits for the disk: an acked version survives a restart, but a hung disk must not hide the apply. */
const cacheWaitMs = 1_000;

interface Unsaved {
  readonly hash: string;
  /** Packs the snapshot; called only for one that is written. */
  readonly body: () => Promise<Uint8Array>;
}

/** Writes the running configuration to disk: one file at a time, and of the waiting ones only the newest. */
export class CacheWriter {
  readonly #cache: SnapshotCache;
  readonly #logger: Logger;
  #unsaved: Unsaved | undefined;
  readonly #saver = new Rerun(() => this.#saveNewest());

  constructor({ cache, logger }: { readonly cache: SnapshotCache; readonly logger: Logger }) {
    this.#cache = cache;
    this.#logger = logger;
  }

  /** Resolves when this snapshot, or a newer one, is on disk, or after `cacheWaitMs`. A failure is logged. */
  async save(unsaved: Unsaved): Promise<void> {
    this.#unsaved = unsaved;
    this.#saver.start();
    await withinTime(this.#saver.idle(), cacheWaitMs, () => undefined);
  }

  /** Resolves when no snapshot waits to be written. */
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
      this.#logger.error('cache_not_written', 'The configuration runs but could not be written to disk', {
        hash: unsaved.hash,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }
}
