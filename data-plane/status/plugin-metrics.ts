import { Counter, type Registry } from 'prom-client';
import type { PluginMetrics } from '../plugin-api/plugin-metrics.ts';
import { createProxyMetrics, type ProxyMetrics } from './proxy-metrics.ts';

export interface NodePluginMetrics extends PluginMetrics {
  readonly proxySeries: ProxyMetrics;
}

export function createPluginMetrics(registry: Registry): NodePluginMetrics {
  const lost = new Counter({
    name: 'sluice_log_entries_lost_total',
    help: 'Entries of log plugins that no queue took, by reason',
    labelNames: ['plugin', 'code'],
    registers: [registry],
  });
  const evicted = new Counter({
    name: 'sluice_rate_limit_keys_evicted_total',
    help: 'Clients whose rate-limiting counters the node forgot before their windows ended, for it counts 100,000 at most',
    registers: [registry],
  });
  const unavailable = new Counter({
    name: 'sluice_rate_limit_unavailable_total',
    help: 'Requests whose rate-limiting counters Redis did not give: passed (fault_tolerant), or refused',
    labelNames: ['action'],
    registers: [registry],
  });
  return {
    proxySeries: createProxyMetrics(registry),
    logEntryLost: (plugin, code) => lost.inc({ plugin, code }),
    rateLimitKeyEvicted: () => evicted.inc(),
    rateLimitUnavailable: (action) => unavailable.inc({ action }),
  };
}
