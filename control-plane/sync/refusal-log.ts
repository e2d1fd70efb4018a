import type { Logger } from '../../shared/log.ts';

export interface RefusalLog {
  add(ip: string, reason: string): void;
}

/** How long the same address with the same reason is not logged again: a refused node tries for ever. */
const repeatMs = 10 * 60_000;
/** How many pairs of address and reason are remembered. */
const remembered = 1_000;

/** Logs refused peers. The length of the log does not depend on how often they try. */
export function createRefusalLog(logger: Logger, nowMs: () => number = Date.now): RefusalLog {
  const seen = new Map<string, { readonly sinceMs: number; count: number }>();
  return {
    add(ip, reason) {
      const key = `${ip} ${reason}`;
      const known = seen.get(key);
      if (known !== undefined && nowMs() - known.sinceMs < repeatMs) {
        known.count += 1;
        logger.debug('node_refused', 'A peer of the cluster port was refused again', { ip, reason });
        return;
      }
      // The oldest entry is evicted; a repeated one becomes the newest.
      seen.delete(key);
      for (const oldest of seen.keys()) {
        if (seen.size < remembered) break;
        seen.delete(oldest);
      }
      seen.set(key, { sinceMs: nowMs(), count: 0 });
      logger.warn('node_refused', 'A peer of the cluster port was refused', {
        ip,
        reason,
        ...(known === undefined || known.count === 0 ? {} : { repeated: known.count }),
      });
    },
  };
}
