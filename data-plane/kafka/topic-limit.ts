import { withinTime } from '../../shared/within-time.ts';
import type { TopicLimits } from './kafka-client.ts';

/** Time limit of the brokers' answer. */
const askMs = 500;
/** Time for which an answer is kept. */
const answerKeptMs = 60_000;
/** Pause after a request without an answer. */
const silenceKeptMs = 5_000;

const untold: TopicLimits = { recordBytesMax: null, timestamps: null };

/** The limits that the brokers have for records of one topic: asked for on demand, once for all that come meanwhile. */
export class TopicLimit {
  #known: { readonly limits: TopicLimits; readonly untilMs: number } | null = null;
  #asking: Promise<TopicLimits> | null = null;

  /** Returns the limits; undefined: they have to be asked for. */
  known(nowMs: number): TopicLimits | undefined {
    return this.#known !== null && nowMs < this.#known.untilMs ? this.#known.limits : undefined;
  }

  /** Returns the result of `ask` if it is there by the deadline (monotonic ms), else limits that nobody told. Never rejects. */
  async askFor(ask: (deadlineMs: number) => Promise<TopicLimits>, deadlineMs: number): Promise<TopicLimits> {
    this.#asking ??= this.#ask(ask);
    return withinTime(this.#asking, deadlineMs - performance.now(), () => untold);
  }

  async #ask(ask: (deadlineMs: number) => Promise<TopicLimits>): Promise<TopicLimits> {
    const limits = await ask(performance.now() + askMs).catch(() => undefined);
    this.#asking = null;
    const untilMs = performance.now() + (limits === undefined ? silenceKeptMs : answerKeptMs);
    this.#known = { limits: limits ?? untold, untilMs };
    return this.#known.limits;
  }
}
