import { performance } from 'node:perf_hooks';
import type { LogFields } from './log.ts';

const logEveryMs = 1_000;

/**
 * Returns a log function for events that may happen with every request: the first is written at once, then at most one
 * a second, with the number of lines left out before it as `not_logged_before`.
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
