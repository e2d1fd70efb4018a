import { withinTime } from '../../shared/within-time.ts';

/** Time limit of the brokers' answer: the refusal itself is known already. */
const askMs = 500;
/** Time for which an answer is kept. */
const answerKeptMs = 60_000;
/** Pause after a request without an answer. */
const silenceKeptMs = 5_000;

/** The largest record that the brokers take for one topic: asked for after a refusal, once for all that come meanwhile. */
export class TopicLimit {
  #known: { readonly bytes: number | null; readonly untilMs: number } | null = null;
  #asking: Promise<number | null> | null = null;

  /** Bytes, or null when the brokers do not tell; undefined: it has to be asked for. */
  known(nowMs: number): number | null | undefined {
    return this.#known !== null && nowMs < this.#known.untilMs ? this.#known.bytes : undefined;
  }

  /** Returns the result of `ask` if it is there by the deadline (monotonic ms), else null. Never rejects. */
  async askFor(ask: (deadlineMs: number) => Promise<number | null>, deadlineMs: number): Promise<number | null> {
    this.#asking ??= this.#ask(ask);
    return withinTime(this.#asking, deadlineMs - performance.now(), () => null);
  }

  async #ask(ask: (deadlineMs: number) => Promise<number | null>): Promise<number | null> {
    const bytes = await ask(performance.now() + askMs).catch(() => undefined);
    this.#asking = null;
    const untilMs = performance.now() + (bytes === undefined ? silenceKeptMs : answerKeptMs);
    this.#known = { bytes: bytes ?? null, untilMs };
    return this.#known.bytes;
  }
}
