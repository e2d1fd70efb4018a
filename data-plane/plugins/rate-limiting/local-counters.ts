import { LRUCache } from 'lru-cache';
import type { NodeStateParts } from '../../plugin-api/node-state.ts';
import { hasRoom, type Counters, type Usage } from './usage.ts';
import type { WindowLimit } from './windows.ts';

/** Clients that a node counts, over all plugins; beyond this many the one that was away longest is forgotten. */
export const localKeysMax = 100_000;

interface Entry {
  /** The starts of the windows, in the order of the limits. */
  readonly startsMs: number[];
  readonly counts: number[];
}

/** The counters of a node: one entry a plugin and client. */
export class LocalCounters {
  readonly #entries: LRUCache<string, Entry>;

  constructor(keysMax: number, onEvicted: () => void) {
    this.#entries = new LRUCache({
      max: keysMax,
      dispose: (_entry, _key, reason) => {
        if (reason === 'evict') onEvicted();
      },
    });
  }

  get size(): number {
    return this.#entries.size;
  }

  take(pluginId: string, identifier: string, limits: readonly WindowLimit[]): Usage {
    const { counts } = this.#entryOf(keyOf(pluginId, identifier, limits), limits);
    const isAllowed = hasRoom(counts, limits);
    if (isAllowed) for (let index = 0; index < counts.length; index += 1) counts[index] = (counts[index] ?? 0) + 1;
    return { isAllowed, counts };
  }

  /** Puts other counts in place of those of windows that still last. */
  correct(pluginId: string, identifier: string, limits: readonly WindowLimit[], counts: readonly number[]): void {
    const entry = this.#entryOf(keyOf(pluginId, identifier, limits), limits);
    for (const [index, { startMs }] of limits.entries()) {
      if (entry.startsMs[index] === startMs) entry.counts[index] = counts[index] ?? 0;
    }
  }

  #entryOf(key: string, limits: readonly WindowLimit[]): Entry {
    const known = this.#entries.get(key);
    if (known === undefined) {
      const entry = { startsMs: limits.map(({ startMs }) => startMs), counts: limits.map(() => 0) };
      this.#entries.set(key, entry);
      return entry;
    }
    for (let index = 0; index < limits.length; index += 1) {
      const startMs = limits[index]?.startMs ?? 0;
      // A clock that was set back goes on in the window that it has left.
      if (startMs <= (known.startsMs[index] ?? 0)) continue;
      known.startsMs[index] = startMs;
      known.counts[index] = 0;
    }
    return known;
  }
}

/** Windows of other periods are counted apart: a change of the limits alone keeps the counts. */
function keyOf(pluginId: string, identifier: string, limits: readonly WindowLimit[]): string {
  let periods = '';
  for (const { period } of limits) periods += `${period} `;
  return `${pluginId} ${periods}${identifier}`;
}

/** Makes the counters of a node. They outlive a configuration, so that no change of it forgets what was counted. */
export function nodeCounters({ metrics }: NodeStateParts): LocalCounters {
  return new LocalCounters(localKeysMax, () => metrics.rateLimitKeyEvicted());
}

/** Counts on this node alone. */
export function localCounters(counters: LocalCounters, pluginId: string): Counters {
  return { take: (identifier, limits) => counters.take(pluginId, identifier, limits) };
}
