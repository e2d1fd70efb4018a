export interface BackoffLimits {
  /** Upper bound of the first delay. */
  readonly firstMs: number;
  /** Upper bound of every delay. */
  readonly maxMs: number;
}

/**
 * The delay before retry number `attempt` (from 0) with full jitter: evenly spread between 0 and a bound that doubles
 * with each attempt, so that many who lost the same peer do not come back together.
 *
 * @param random evenly distributed in [0, 1)
 */
export function backoffMs(attempt: number, { firstMs, maxMs }: BackoffLimits, random: number): number {
  // 2 ** 31 is far above any bound in use and keeps the product finite.
  return random * Math.min(maxMs, firstMs * 2 ** Math.min(Math.max(attempt, 0), 31));
}
