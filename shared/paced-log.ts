import { performance } from 'node:perf_hooks';
import type { LogFields } from './log.ts';

const logEveryMs = 1_000;

/**
 * A log function for what may happen with every request: the first is written at once, then no more than one a second,
 * with the number of those left out before it as `not_logged_before`.
 */
export function pacedLog(
  write: (event: string, message: string, fields: LogFields) => void,
  { nowMs: clock = () => performance.now() }: { readonly nowMs?: () => number } = {},
): (event: string, message: string, fields: LogFields) => void {
  let lastMs = Number.NEGATIVE_INFINITY;
  let leftOut = 0;
  return (event, message, fields) => {
    const nowMs = clock();
    if (nowMs - lastMs < logEveryMs) {
      leftOut++;
      return;
    }
    write(event, message, { ...fields, not_logged_before: leftOut });
    lastMs = nowMs;
    leftOut = 0;
  };
}
