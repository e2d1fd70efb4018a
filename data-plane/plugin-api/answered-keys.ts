import { LRUCache } from 'lru-cache';
import type { Answer } from './exchange.ts';

/** Answers that a node keeps; beyond this many the least recently used one is forgotten. */
export const answersMax = 100_000;
/** Time for which an answer is kept. */
const answerKeptMs = 600_000;

/** What a request with an idempotency key may do. */
export type KeyClaim =
  /** It is the first one; `end` must follow. */
  | { readonly kind: 'begun' }
  /** Another one with the key has not ended. */
  | { readonly kind: 'under way' }
  | { readonly kind: 'answered'; readonly answer: Answer };

/** The keys of a node's requests. A node of one process decides at once, one of several asks its parent. */
export interface KeyClaims {
  claim(key: string): KeyClaim | Promise<KeyClaim>;
  /** Ends a request that has begun; `answer`: later requests with the key get it too. */
  end(key: string, answer: Answer | undefined): void;
}

/** The answers of a node to requests with an idempotency key, and the keys whose request is under way. */
export class AnsweredKeys implements KeyClaims {
  readonly #answers = new LRUCache<string, { readonly answer: Answer; readonly untilMs: number }>({
    max: answersMax,
  });
  readonly #underWay = new Set<string>();

  claim(key: string): KeyClaim {
    const kept = this.#answers.get(key);
    if (kept !== undefined && performance.now() < kept.untilMs) return { kind: 'answered', answer: kept.answer };
    if (this.#underWay.has(key)) return { kind: 'under way' };
    this.#underWay.add(key);
    return { kind: 'begun' };
  }

  end(key: string, answer: Answer | undefined): void {
    this.#underWay.delete(key);
    if (answer !== undefined) this.#answers.set(key, { answer, untilMs: performance.now() + answerKeptMs });
  }
}
