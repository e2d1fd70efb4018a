import { Counter, type Registry } from 'prom-client';
import type { PluginMetrics } from '../plugin-api/plugin-definition.ts';

export function createPluginMetrics(registry: Registry): PluginMetrics {
  const lost = new Counter({
    name: 'sluice_log_entries_lost_total',
    help: 'Entries of log plugins that no queue took, by reason',
    labelNames: ['plugin', 'code'],
    registers: [registry],
  });
  return { logEntryLost: (plugin, code) => lost.inc({ plugin, code }) };
}
