import { Counter, Gauge, type Registry } from 'prom-client';
import type { EntityFault } from '../../shared/config-source.ts';

/** The metrics that applying a configuration reports to. */
export interface ConfigMetrics {
  applied(hash: string, applyMs: number): void;
  rejected(faults: readonly EntityFault[]): void;
}

export function createConfigMetrics(registry: Registry): ConfigMetrics {
  const info = new Gauge({
    name: 'sluice_config_info',
    help: 'The configuration that is live, by its hash; always 1',
    labelNames: ['hash'],
    // Each of several workers applies the same.
    aggregator: 'max',
    registers: [registry],
  });
  const appliedAt = new Gauge({
    name: 'sluice_config_last_apply_timestamp_seconds',
    help: 'When the live configuration was applied',
    // Each of several workers applies the same.
    aggregator: 'max',
    registers: [registry],
  });
  const duration = new Gauge({
    name: 'sluice_config_last_apply_duration_seconds',
    help: 'How long it took to apply the live configuration',
    // Each of several workers applies the same.
    aggregator: 'max',
    registers: [registry],
  });
  const applies = new Counter({
    name: 'sluice_config_applies_total',
    help: 'Configurations applied',
    // Each of several workers applies the same.
    aggregator: 'max',
    registers: [registry],
  });
  const rejects = new Counter({
    name: 'sluice_config_rejects_total',
    help: 'Configurations refused for their faults',
    // Each of several workers applies the same.
    aggregator: 'max',
    registers: [registry],
  });
  return {
    applied(hash, applyMs) {
      info.reset();
      info.set({ hash }, 1);
      appliedAt.set(Date.now() / 1000);
      duration.set(applyMs / 1000);
      applies.inc();
    },
    rejected: () => rejects.inc(),
  };
}
