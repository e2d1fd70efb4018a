import type { Logger } from '../../shared/log.ts';

export interface RefusalLog {
  add(ip: string, reason: string): void;
}

/** The same address with the same reason is worth one line in this time: a refused node tries again for ever. */
const repeatMs = 10 * 60_000;
/** Addresses and reasons remembered. */
const remembered = 1_000;

/** Tells of peers that were refused without letting their number decide the length of the log. */
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
      // The oldest goes; what is said again becomes the newest.
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
