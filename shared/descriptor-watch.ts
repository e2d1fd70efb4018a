import { readdirSync } from 'node:fs';
import { descriptorsMax } from './descriptors.ts';
import { type Logger, stackOf } from './log.ts';

const checkEveryMs = 2_000;
/** One line a minute is enough for an operator. */
const logEveryMs = 60_000;
/** From this share on a process is about to run out. */
const lowShare = 0.9;

export interface DescriptorWatchOptions {
  readonly logger: Logger;
  /** How many descriptors are open; throws when none is left to look. */
  readonly open?: () => number;
  readonly max?: number;
  readonly everyMs?: number;
}

/**
 * Logs when the process has hardly a file descriptor left: node:net then closes connections that it cannot accept without
 * a word, on every port. Returns the function that ends it.
 */
export function watchDescriptors(options: DescriptorWatchOptions): () => void {
  const { logger, open = openDescriptors, max = descriptorsMax(), everyMs = checkEveryMs } = options;
  if (max === Infinity) return () => undefined;
  let loggedAtMs = -Infinity;
  const timer = setInterval(() => {
    const count = countOf(open, max, logger);
    if (count === undefined || count < max * lowShare || performance.now() - loggedAtMs < logEveryMs) return;
    loggedAtMs = performance.now();
    logger.error(
      'descriptors_exhausted',
      'The process has hardly a file descriptor left: it cannot accept connections',
      {
        open: count,
        max,
        cure: 'raise the limit of open files (ulimit -n, LimitNOFILE), or lower connections_max',
      },
    );
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** Returns undefined where the system does not tell. */
function countOf(open: () => number, max: number, logger: Logger): number | undefined {
  try {
    return open();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EMFILE' || code === 'ENFILE') return max;
    logger.debug('descriptors_unknown', 'The open file descriptors cannot be counted', { error: stackOf(error) });
    return undefined;
  }
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
