import type { ProducerLimits } from './producer.ts';

/**
 * The limits of all who hold a producer. Costs nothing for one more with the same limits.
 * - Batches and linger: the smallest, as specified; none sees a larger batch or a longer wait than it asked for.
 * - Queue: the largest. There is one queue, and none gets less room in it than it asked for; the node's memory bounds it too.
 * - Attempts: the smallest. A batch holds records of all, and each attempt without an answer may write it once more: none
 *   gets more duplicates than it allowed. What has no attempt left is answered; without an answer from Kafka as unknown.
 * - Pause between attempts: the smallest; it doubles anyway, and the deadline ends it.
 */
export class LeasedLimits {
  readonly #groups = new Map<string, { readonly limits: ProducerLimits; leases: number }>();

  get isEmpty(): boolean {
    return this.#groups.size === 0;
  }

  /** True when those in force may be others now. */
  add(limits: ProducerLimits): boolean {
    const key = keyOf(limits);
    const group = this.#groups.get(key);
    if (group === undefined) this.#groups.set(key, { limits, leases: 1 });
    else group.leases += 1;
    return group === undefined;
  }

  /** True when those in force may be others now. */
  remove(limits: ProducerLimits): boolean {
    const key = keyOf(limits);
    const group = this.#groups.get(key);
    if (group === undefined) return false;
    group.leases -= 1;
    return group.leases === 0 && this.#groups.delete(key);
  }

  inForce(): ProducerLimits {
    const all = [...this.#groups.values()].map(({ limits }) => limits);
    const least = (read: (limits: ProducerLimits) => number): number => Math.min(...all.map(read));
    const most = (read: (limits: ProducerLimits) => number): number => Math.max(...all.map(read));
    return {
      batchRecordsMax: least((limits) => limits.batchRecordsMax),
      batchBytesMax: least((limits) => limits.batchBytesMax),
      lingerMs: least((limits) => limits.lingerMs),
      queueRecordsMax: most((limits) => limits.queueRecordsMax),
      queueBytesMax: most((limits) => limits.queueBytesMax),
      attemptsMax: least((limits) => limits.attemptsMax),
      retryBackoffMs: least((limits) => limits.retryBackoffMs),
    };
  }
}

/** The same limits object is leased and given back. */
const keys = new WeakMap<ProducerLimits, string>();

function keyOf(limits: ProducerLimits): string {
  let key = keys.get(limits);
  if (key === undefined) keys.set(limits, (key = textOf(limits)));
  return key;
}

function textOf(limits: ProducerLimits): string {
  const { batchRecordsMax, batchBytesMax, lingerMs, queueRecordsMax, queueBytesMax, attemptsMax, retryBackoffMs } =
    limits;
  return [batchRecordsMax, batchBytesMax, lingerMs, queueRecordsMax, queueBytesMax, attemptsMax, retryBackoffMs].join();
}
