import { LRUCache } from 'lru-cache';
import type { Answer } from './exchange.ts';

/** Answers that a node keeps; beyond this many the least recently used one is forgotten. */
export const answersMax = 100_000;
/** Time for which an answer is kept. */
const answerKeptMs = 600_000;

/** The answers of a node to requests with an idempotency key, and the keys whose request is under way. */
export class AnsweredKeys {
  readonly #answers = new LRUCache<string, { readonly answer: Answer; readonly untilMs: number }>({
    max: answersMax,
  });
  readonly #underWay = new Set<string>();

  /** Returns the answer that the key's request got. */
  answerOf(key: string): Answer | undefined {
    const kept = this.#answers.get(key);
    return kept !== undefined && performance.now() < kept.untilMs ? kept.answer : undefined;
  }

  /** Returns whether a request with the key may begin: false while another one is under way. */
  begin(key: string): boolean {
    if (this.#underWay.has(key)) return false;
    this.#underWay.add(key);
    return true;
  }

  /** Ends the request; `answer`: later requests with the key get it too. */
  end(key: string, answer: Answer | undefined): void {
    this.#underWay.delete(key);
    if (answer !== undefined) this.#answers.set(key, { answer, untilMs: performance.now() + answerKeptMs });
  }
}
