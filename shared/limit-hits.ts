import { Counter, type Registry } from 'prom-client';
import type { Logger, LogFields } from './log.ts';
import { pacedLog } from './paced-log.ts';

/** Counts and logs that a bound of a port was reached. */
export type LimitHit = (limit: string, port: string, fields?: LogFields) => void;

const metricName = 'sluice_limit_hits_total';

/**
 * Returns the function that counts a reached limit in `sluice_limit_hits_total` and logs `limit_hit`, at most one line a
 * second for each limit and port. `limit` is the name of a setting or constant, `port` that of a listener, such as
 * `admin`; both must come from fixed lists. Parts that share a registry share the counter.
 */
export function limitHits({ metrics, logger }: { readonly metrics: Registry; readonly logger: Logger }): LimitHit {
  const counter = counterOf(metrics);
  const logs = new Map<string, ReturnType<typeof pacedLog>>();
  return (limit, port, fields = {}) => {
    counter.inc({ limit, port });
    const key = `${port} ${limit}`;
    let log = logs.get(key);
    if (log === undefined) {
      log = pacedLog((event, message, all) => logger.warn(event, message, all));
      logs.set(key, log);
    }
    log('limit_hit', `The limit ${limit} of port ${port} was reached`, { ...fields, limit, port });
  };
}

function counterOf(metrics: Registry): Counter<'limit' | 'port'> {
  const known = metrics.getSingleMetric(metricName);
  if (known instanceof Counter) return known;
  return new Counter({
    name: metricName,
    help: 'How often a limit of a port was reached, by limit and port.',
    labelNames: ['limit', 'port'],
    registers: [metrics],
  });
}
