import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { droppedLogLines } from './log-sink.ts';

export interface ProcessMetricsOptions {
  readonly role: string;
  readonly sluiceVersion: string;
}

/** Returns the registry of a process, with what every role tells: its build, Node.js's own figures, log lines lost. */
export function createProcessMetrics({ role, sluiceVersion }: ProcessMetricsOptions): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'sluice_build_info',
    help: 'The version that runs, its role and its Node.js; always 1',
    labelNames: ['version', 'role', 'node_version'],
    aggregator: 'max',
    registers: [registry],
  }).set({ version: sluiceVersion, role, node_version: process.version }, 1);
  const dropped = new Counter({
    name: 'sluice_log_lines_dropped_total',
    help: 'Log lines that were dropped because their reader had stalled',
    registers: [registry],
    collect() {
      dropped.reset();
      dropped.inc(droppedLogLines());
    },
  });
  return registry;
}
