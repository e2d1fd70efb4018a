import { performance } from 'node:perf_hooks';
import type { LimitName } from './listener-limits.ts';

/** Frames that cost the node more than they cost the client, by the limit that bounds them. */
export type CostlyFrame = 'resets' | 'settings' | 'pings' | 'priorities';

const budgetOf: Readonly<Record<CostlyFrame, { readonly max: number; readonly limit: LimitName }>> = {
  resets: { max: 200, limit: 'http2_resets_max' },
  settings: { max: 50, limit: 'http2_settings_max' },
  pings: { max: 50, limit: 'http2_pings_max' },
  priorities: { max: 50, limit: 'http2_priorities_max' },
};
const windowMs = 10_000;

/**
 * Bounds the frames of one HTTP/2 connection that do no work: so many of a kind in 10 s without a finished request in
 * between. A finished request starts the count anew, since a busy client resets and pings too.
 */
export class FrameBudget {
  readonly #counts: Record<CostlyFrame, number> = { resets: 0, settings: 0, pings: 0, priorities: 0 };
  #windowStartMs = performance.now();

  /** Counts a frame. Returns the limit that it is over, if any. */
  spend(frame: CostlyFrame): LimitName | undefined {
    const nowMs = performance.now();
    if (nowMs - this.#windowStartMs > windowMs) {
      this.requestFinished();
      this.#windowStartMs = nowMs;
    }
    const { max, limit } = budgetOf[frame];
    this.#counts[frame] += 1;
    return this.#counts[frame] > max ? limit : undefined;
  }

  requestFinished(): void {
    this.#counts.resets = 0;
    this.#counts.settings = 0;
    this.#counts.pings = 0;
    this.#counts.priorities = 0;
  }
}
