import { doublingMs } from '../../shared/backoff.ts';
import type { Failure } from './produce-failure.ts';

/** Pause before a refused topic of a configuration is looked up again. Other topics wait for the longest pause at once. */
const pause = { firstMs: 100, maxMs: 5_000 } as const;

/** The brokers' refusal of a topic, which sets the topic aside for a while. */
export class TopicRefusal {
  #failure: Failure | null = null;
  /** Monotonic. */
  #untilMs = 0;
  #count = 0;

  /** The refusal that stands: no metadata was read since. */
  get failure(): Failure | null {
    return this.#failure;
  }

  /** Returns the reason for answering records at once; null when they may be queued. */
  at(nowMs: number): Failure | null {
    return nowMs < this.#untilMs ? this.#failure : null;
  }

  /** @returns until when the topic is set aside (monotonic ms) */
  set(failure: Failure, nowMs: number, isConfigured: boolean): number {
    this.#failure = failure;
    this.#untilMs = nowMs + (isConfigured ? doublingMs(this.#count++, pause) : pause.maxMs);
    return this.#untilMs;
  }

  clear(): void {
    this.#failure = null;
    this.#count = 0;
  }
}
