import type { LocalCounters } from './local-counters.ts';
import { countInRedis } from './redis-counters.ts';
import type { RedisLease } from './redis-pool.ts';
import type { Counters, Usage } from './usage.ts';
import type { WindowLimit } from './windows.ts';

/** Counters that are exchanged with Redis at a time. */
const sliceSize = 1_000;
/** Clients whose counts may wait for an exchange; those of more clients are counted on this node alone. */
const unsentMax = 100_000;
/** The longest delay that a timer of Node.js can hold. */
const timerMsMax = 2 ** 31 - 1;

interface Unsent {
  readonly identifier: string;
  readonly limits: readonly WindowLimit[];
  added: number;
}

export interface SyncedCountersOptions {
  readonly counters: LocalCounters;
  readonly lease: RedisLease;
  readonly pluginId: string;
  readonly everyMs: number;
}

/**
 * Counts on the node, and exchanges with Redis at an interval: what was counted here goes there, and the counts of all
 * nodes come back. Between two exchanges the nodes together may let more requests pass than a limit says.
 */
export class SyncedCounters implements Counters {
  readonly #options: SyncedCountersOptions;
  readonly #unsent = new Map<string, Unsent>();
  readonly #timer: NodeJS.Timeout;
  #isExchanging = false;

  constructor(options: SyncedCountersOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#exchange(), Math.min(options.everyMs, timerMsMax));
  }

  take(identifier: string, limits: readonly WindowLimit[]): Usage {
    const { counters, pluginId } = this.#options;
    const usage = counters.take(pluginId, identifier, limits);
    if (usage.isAllowed) this.#remember(identifier, limits, 1);
    return usage;
  }

  /** What was not sent yet is lost with the configuration; it counts on this node all the same. */
  close(): void {
    clearInterval(this.#timer);
    this.#options.lease.release();
  }

  /** Windows end one after the other: what was counted in other windows is kept apart. */
  #remember(identifier: string, limits: readonly WindowLimit[], added: number): void {
    const key = `${limits[0]?.startMs} ${identifier}`;
    const known = this.#unsent.get(key);
    if (known !== undefined) known.added += added;
    else if (this.#unsent.size < unsentMax) this.#unsent.set(key, { identifier, limits, added });
  }

  /** Never rejects. */
  async #exchange(): Promise<void> {
    if (this.#isExchanging || this.#unsent.size === 0) return;
    this.#isExchanging = true;
    const all = [...this.#unsent.values()];
    this.#unsent.clear();
    for (let from = 0; from < all.length; from += sliceSize) {
      await Promise.all(all.slice(from, from + sliceSize).map((unsent) => this.#send(unsent)));
    }
    this.#isExchanging = false;
  }

  async #send({ identifier, limits, added }: Unsent): Promise<void> {
    const { lease, pluginId, counters } = this.#options;
    // What was let pass has to be counted, whatever the limits say by now.
    const unlimited = limits.map((limit) => ({ ...limit, limit: Number.POSITIVE_INFINITY }));
    try {
      const { counts } = await countInRedis(lease, { pluginId, identifier, limits: unlimited, added });
      const since = this.#unsent.get(`${limits[0]?.startMs} ${identifier}`)?.added ?? 0;
      counters.correct(
        pluginId,
        identifier,
        limits,
        counts.map((count) => count + since),
      );
    } catch {
      // The connection has logged why. The counts go with the next exchange while a window of theirs lasts.
      const nowMs = Date.now();
      if (limits.some(({ endMs }) => endMs > nowMs)) this.#remember(identifier, limits, added);
    }
  }
}
