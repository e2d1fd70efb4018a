import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../shared/log.ts';
import type { SnapshotCache } from './snapshot-cache.ts';

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
  #saving: Promise<void> | undefined;

  constructor({ cache, logger }: { readonly cache: SnapshotCache; readonly logger: Logger }) {
    this.#cache = cache;
    this.#logger = logger;
  }

  /** Resolves when it, or a newer one, is on disk, or after `cacheWaitMs`. A failure is logged. */
  async save(unsaved: Unsaved): Promise<void> {
    this.#unsaved = unsaved;
    this.#startSaving();
    const timeout = new AbortController();
    await Promise.race([
      this.#saving,
      delay(cacheWaitMs, undefined, { signal: timeout.signal }).catch(() => undefined),
    ]);
    timeout.abort();
  }

  /** Resolves when nothing waits to be written. */
  async idle(): Promise<void> {
    await this.#saving;
  }

  #startSaving(): void {
    this.#saving ??= this.#saveAll().finally(() => {
      this.#saving = undefined;
      // What came after the last look and before this.
      if (this.#unsaved !== undefined) this.#startSaving();
    });
  }

  async #saveAll(): Promise<void> {
    for (let next = this.#unsaved; next !== undefined; next = this.#unsaved) {
      this.#unsaved = undefined;
      try {
        await this.#cache.save(next.hash, await next.body());
      } catch (error) {
        this.#logger.error('cache_not_written', 'The configuration runs but could not be kept on disk', {
          hash: next.hash,
          error: error instanceof Error ? error.message : String(error),
        });
      }
    }
  }
}
