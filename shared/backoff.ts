export interface BackoffLimits {
  /** Upper bound of the first delay. */
  readonly firstMs: number;
  /** Upper bound of every delay. */
  readonly maxMs: number;
}

/** Returns the delay before retry number `attempt` (from 0) without jitter: it doubles with each attempt, up to `maxMs`. */
export function doublingMs(attempt: number, { firstMs, maxMs }: BackoffLimits): number {
  // 2 ** 31 is far above any bound in use and keeps the product finite.
  return Math.min(maxMs, firstMs * 2 ** Math.min(Math.max(attempt, 0), 31));
}

/**
 * Returns the delay before retry number `attempt` (from 0) with full jitter: evenly spread between 0 and `doublingMs`,
 * so that many who lost the same peer do not come back together.
 *
 * @param random evenly distributed in [0, 1)
 */
export function backoffMs(attempt: number, limits: BackoffLimits, random: number): number {
  return random * doublingMs(attempt, limits);
}
