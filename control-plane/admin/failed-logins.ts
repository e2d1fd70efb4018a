import { Counter, type Registry } from 'prom-client';
import type { Logger } from '../../shared/log.ts';
import { pacedLog } from '../../shared/paced-log.ts';

/** Wrong tokens of one address within the window, after which it is refused until the window is over. */
const failuresMax = 10;
const windowMs = 60_000;
/** Addresses that are remembered; of more the one that failed first is forgotten. */
const addressesMax = 10_000;

/** Counts, logs and paces wrong tokens. */
export interface FailedLogins {
  /** Returns after how many seconds an address may try again; undefined: now. */
  retryAfterSeconds(address: string): number | undefined;
  note(address: string): void;
}

interface Failures {
  count: number;
  readonly sinceMs: number;
}

export function failedLogins(options: {
  readonly logger: Logger;
  readonly metrics: Registry;
  readonly nowMs?: () => number;
}): FailedLogins {
  const { logger, metrics, nowMs = () => performance.now() } = options;
  const byAddress = new Map<string, Failures>();
  const counter = new Counter({
    name: 'sluice_admin_failed_logins_total',
    help: 'Requests to the Admin API with a wrong token.',
    registers: [metrics],
  });
  const log = pacedLog((event, message, fields) => logger.warn(event, message, fields));
  const recent = (address: string): Failures | undefined => {
    const failures = byAddress.get(address);
    if (failures !== undefined && nowMs() - failures.sinceMs < windowMs) return failures;
    byAddress.delete(address);
    return undefined;
  };
  return {
    retryAfterSeconds(address) {
      const failures = recent(address);
      if (failures === undefined || failures.count < failuresMax) return undefined;
      return Math.max(1, Math.ceil((failures.sinceMs + windowMs - nowMs()) / 1_000));
    },
    note(address) {
      counter.inc();
      const failures = recent(address) ?? { count: 0, sinceMs: nowMs() };
      failures.count += 1;
      byAddress.set(address, failures);
      const [oldest] = byAddress.keys();
      if (byAddress.size > addressesMax && oldest !== undefined) byAddress.delete(oldest);
      log('admin_login_failed', 'A request to the Admin API had a wrong token', { address, failures: failures.count });
    },
  };
}
