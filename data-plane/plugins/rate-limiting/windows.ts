import { ratePeriods, type RateLimitingConfig, type RatePeriod } from '../../../shared/plugin-schemas/rate-limiting.ts';

/** One window of time of the calendar, in UTC: from `startMs` until before `endMs`, in milliseconds since 1970. */
export interface Window {
  readonly startMs: number;
  readonly endMs: number;
}

/** A limit, and the window in which a request counts. */
export interface WindowLimit extends Window {
  readonly period: RatePeriod;
  readonly limit: number;
}

const fixedMs = { second: 1_000, minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

/** Returns the window of a period that holds a point in time. */
export function windowAt(period: RatePeriod, nowMs: number): Window {
  if (period === 'month' || period === 'year') {
    const now = new Date(nowMs);
    const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
    if (period === 'year') return { startMs: Date.UTC(year, 0), endMs: Date.UTC(year + 1, 0) };
    return { startMs: Date.UTC(year, month), endMs: Date.UTC(year, month + 1) };
  }
  const lengthMs = fixedMs[period];
  const startMs = Math.floor(nowMs / lengthMs) * lengthMs;
  return { startMs, endMs: startMs + lengthMs };
}

/** Compiles the limits of a config, from the shortest period to the longest, with the windows of a point in time. */
export function compileLimits(config: RateLimitingConfig): (nowMs: number) => readonly WindowLimit[] {
  const limits = ratePeriods.flatMap((period) => {
    const limit = config[period];
    return limit === null ? [] : [{ period, limit }];
  });
  const at = (nowMs: number): readonly WindowLimit[] =>
    limits.map(({ period, limit }) => ({ period, limit, ...windowAt(period, nowMs) }));
  // The first period is the shortest: while its window lasts, so do the others.
  let current: readonly WindowLimit[] = [];
  return (nowMs) => {
    const [shortest] = current;
    if (shortest === undefined || nowMs < shortest.startMs || nowMs >= shortest.endMs) current = at(nowMs);
    return current;
  };
}
