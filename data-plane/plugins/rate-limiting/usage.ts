import type { WindowLimit } from './windows.ts';

/** What counters say about one request. */
export interface Usage {
  readonly isAllowed: boolean;
  /** Requests counted in each window, in the order of the limits; with this one where it is allowed. */
  readonly counts: readonly number[];
}

/** Counts requests in windows. */
export interface Counters {
  /** Judges a request by all limits and counts it in all windows, or in none where one is used up. */
  take(identifier: string, limits: readonly WindowLimit[]): Usage | Promise<Usage>;
  close?(): void;
}

/** Returns whether each window has room for one more request. */
export function hasRoom(counts: readonly number[], limits: readonly WindowLimit[]): boolean {
  return limits.every(({ limit }, index) => (counts[index] ?? 0) < limit);
}

/**
 * Returns the headers that tell a client about its limits, as a flat list. `RateLimit-*` speaks for the window with the
 * fewest requests left, the longer one of two.
 */
export function usageHeaders({ isAllowed, counts }: Usage, limits: readonly WindowLimit[], nowMs: number): string[] {
  const headers: string[] = [];
  let tightest: { readonly window: WindowLimit; readonly remaining: number } | undefined;
  for (const [index, window] of limits.entries()) {
    const remaining = Math.max(0, Math.ceil(window.limit - (counts[index] ?? 0)));
    const suffix = suffixes[window.period];
    headers.push(`X-RateLimit-Limit-${suffix}`, String(window.limit));
    headers.push(`X-RateLimit-Remaining-${suffix}`, String(remaining));
    if (tightest === undefined || remaining <= tightest.remaining) tightest = { window, remaining };
  }
  if (tightest === undefined) return headers;
  const reset = String(Math.max(1, Math.ceil((tightest.window.endMs - nowMs) / 1000)));
  headers.push('RateLimit-Limit', String(tightest.window.limit));
  headers.push('RateLimit-Remaining', String(tightest.remaining), 'RateLimit-Reset', reset);
  if (!isAllowed) headers.push('Retry-After', reset);
  return headers;
}

const suffixes = {
  second: 'Second',
  minute: 'Minute',
  hour: 'Hour',
  day: 'Day',
  month: 'Month',
  year: 'Year',
} as const;
