import { doublingMs } from '../../shared/backoff.ts';

/** Between two looks for a leader: the first is at once, later ones wait twice as long each while they bring nothing. */
const backoff = { firstMs: 100, maxMs: 1000 } as const;
export const metadataMaxAgeMs = 300_000;

/** Decides when the metadata of a topic is fetched next. */
export class TopicRefresh {
  /** A fetch is under way. */
  isRunning = false;
  #atMs = 0;
  /** Fetches in a row that did not help. */
  #attempts = 0;

  /** Monotonic. */
  get atMs(): number {
    return this.#atMs;
  }

  isDue(nowMs: number): boolean {
    return !this.isRunning && nowMs >= this.#atMs;
  }

  /** Leaders may have changed. */
  soon(nowMs: number): void {
    if (this.isRunning) return;
    const soonMs = nowMs + this.#pauseMs();
    if (soonMs >= this.#atMs) return;
    this.#atMs = soonMs;
    this.#attempts++;
  }

  /** The brokers can be reached again: ask at once. */
  now(): void {
    this.#atMs = 0;
  }

  /** The next attempt is the first of its row. */
  forgetAttempts(): void {
    this.#attempts = 0;
  }

  failed(nowMs: number): void {
    this.#atMs = nowMs + this.#pauseMs();
    this.#attempts++;
  }

  /** The metadata is known; leaders that are found wrong later shorten this. */
  succeeded(nowMs: number): void {
    this.#atMs = nowMs + metadataMaxAgeMs;
  }

  holdUntil(monotonicMs: number): void {
    this.#atMs = monotonicMs;
  }

  #pauseMs(): number {
    return this.#attempts === 0 ? 0 : doublingMs(this.#attempts - 1, backoff);
  }
}
