import { withinTime } from '../../shared/within-time.ts';

/** Time limit of the brokers' answer. */
const askMs = 2_000;
/** A topic is not asked for again within this time: clients may name partitions that never were. */
const pauseMs = 1_000;

/** Asks how many partitions a topic has when a request names one beyond: once for all that come meanwhile. */
export class PartitionRecount {
  #asking: Promise<void> | null = null;
  /** Monotonic. */
  #freshUntilMs = 0;

  /** Resolves when `ask` is through or the deadline (monotonic ms) has come; at once after a recent answer. Never rejects. */
  async run(ask: (deadlineMs: number) => Promise<void>, deadlineMs: number): Promise<void> {
    if (this.#asking === null && performance.now() < this.#freshUntilMs) return;
    this.#asking ??= ask(performance.now() + askMs)
      // Without an answer the record waits for the metadata as every other one.
      .catch(() => undefined)
      .finally(() => {
        this.#asking = null;
        this.#freshUntilMs = performance.now() + pauseMs;
      });
    await withinTime(this.#asking, deadlineMs - performance.now(), () => undefined);
  }
}
