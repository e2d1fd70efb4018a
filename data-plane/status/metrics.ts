import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { EntityFault } from '../../shared/config-source.ts';
import type { PluginMetrics } from '../plugin-api/plugin-definition.ts';

/** Upper bounds in seconds: a broker acknowledges within milliseconds, deadlines are around ten seconds. */
const durationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Counts the answers of one route by status. Plain numbers, so that the request path neither hashes labels nor looks series up. */
export class RouteMeter {
  readonly label: string;
  readonly statuses = new Map<number, number>();

  constructor(label: string) {
    this.label = label;
  }

  count(status: number): void {
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
  }
}

/** The metrics that the request path reports to. */
export interface RequestMetrics {
  /** Requests that matched no route, or were refused before they could be matched. */
  readonly unmatched: RouteMeter;
  /** Returns the meter of a route; the same label gives the same meter. */
  meterOf(routeLabel: string): RouteMeter;
  /** Forgets the meters of routes that are gone. */
  keepOnly(routeLabels: ReadonlySet<string>): void;
  observeDuration(seconds: number): void;
  countClientGone(): void;
  /** Returns the number of requests answered so far. */
  total(): number;
}

export interface RequestMetricsOptions {
  readonly registry: Registry;
  readonly inFlight: () => number;
}

/** Label `route` is a route's name or id, '' for requests without one: bounded by the configuration. */
export function createRequestMetrics({ registry, inFlight }: RequestMetricsOptions): RequestMetrics {
  const unmatched = new RouteMeter('');
  const meters = new Map<string, RouteMeter>([['', unmatched]]);
  let total = 0;
  const requests = new Counter({
    name: 'sluice_http_requests_total',
    help: 'Requests answered, by route and status',
    labelNames: ['route', 'status'],
    registers: [registry],
    collect() {
      requests.reset();
      for (const { label, statuses } of meters.values()) {
        for (const [status, count] of statuses) requests.inc({ route: label, status: String(status) }, count);
      }
    },
  });
  const durations = new Histogram({
    name: 'sluice_http_request_duration_seconds',
    help: 'Time from the head of a request to its answer',
    buckets: durationBuckets,
    registers: [registry],
  });
  const gone = new Counter({
    name: 'sluice_http_clients_gone_total',
    help: 'Requests whose client had gone when the answer was there',
    registers: [registry],
  });
  const flying: Gauge = new Gauge({
    name: 'sluice_http_requests_in_flight',
    help: 'Requests that are not answered yet',
    registers: [registry],
    collect() {
      flying.set(inFlight());
    },
  });
  return {
    unmatched,
    meterOf(routeLabel) {
      let meter = meters.get(routeLabel);
      if (meter === undefined) meters.set(routeLabel, (meter = new RouteMeter(routeLabel)));
      return meter;
    },
    keepOnly(routeLabels) {
      for (const label of meters.keys()) {
        if (label !== '' && !routeLabels.has(label)) meters.delete(label);
      }
    },
    observeDuration(seconds) {
      total += 1;
      durations.observe(seconds);
    },
    countClientGone: () => gone.inc(),
    total: () => total,
  };
}

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
    registers: [registry],
  });
  const appliedAt = new Gauge({
    name: 'sluice_config_last_apply_timestamp_seconds',
    help: 'When the live configuration was applied',
    registers: [registry],
  });
  const duration = new Gauge({
    name: 'sluice_config_last_apply_duration_seconds',
    help: 'How long it took to apply the live configuration',
    registers: [registry],
  });
  const applies = new Counter({
    name: 'sluice_config_applies_total',
    help: 'Configurations applied',
    registers: [registry],
  });
  const rejects = new Counter({
    name: 'sluice_config_rejects_total',
    help: 'Configurations refused for their faults',
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

export function createPluginMetrics(registry: Registry): PluginMetrics {
  const lost = new Counter({
    name: 'sluice_log_entries_lost_total',
    help: 'Entries of log plugins that no queue took, by reason',
    labelNames: ['plugin', 'code'],
    registers: [registry],
  });
  return { logEntryLost: (plugin, code) => lost.inc({ plugin, code }) };
}
