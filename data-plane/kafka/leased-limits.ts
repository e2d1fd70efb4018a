import { CountedLeases } from '../../shared/counted-leases.ts';
import type { ProducerLimits } from './producer-types.ts';

/**
 * The limits of all who hold a producer. Costs nothing for one more with the same limits.
 * - Batches and linger: the smallest, as specified; none sees a larger batch or a longer wait than it asked for.
 * - Queue: the largest. There is one queue, and none gets less room in it than it asked for; the node's memory bounds it too.
 * - Attempts: the smallest. A batch holds records of all, and each attempt without an answer may write it once more: none
 *   gets more duplicates than it allowed. What has no attempt left is answered; without an answer from Kafka as unknown.
 * - Pause between attempts: the smallest; it doubles anyway, and the deadline ends it.
 */
export class LeasedLimits {
  readonly #onChange: (inForce: ProducerLimits) => void;
  readonly #leases = new CountedLeases<string, ProducerLimits>(() => this.#changed());

  /** `onChange` is called when the limits in force may have changed, but not when no lease is left. */
  constructor(onChange: (inForce: ProducerLimits) => void) {
    this.#onChange = onChange;
  }

  /** @returns what releases them */
  acquire(limits: ProducerLimits): () => void {
    const before = this.#leases.size;
    const { release } = this.#leases.acquire(textOf(limits), () => limits);
    if (this.#leases.size > before) this.#changed();
    return release;
  }

  #changed(): void {
    if (this.#leases.size > 0) this.#onChange(this.#inForce());
  }

  #inForce(): ProducerLimits {
    const all = [...this.#leases.values()];
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

function textOf(limits: ProducerLimits): string {
  const { batchRecordsMax, batchBytesMax, lingerMs, queueRecordsMax, queueBytesMax, attemptsMax, retryBackoffMs } =
    limits;
  return [batchRecordsMax, batchBytesMax, lingerMs, queueRecordsMax, queueBytesMax, attemptsMax, retryBackoffMs].join();
}
