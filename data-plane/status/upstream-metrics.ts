import { Counter, Gauge, type Registry } from 'prom-client';
import { exposeDurations } from './request-metrics.ts';
import { RouteMeter } from './route-meter.ts';

/** The health of one target as its metric shows it. */
export interface ShownTarget {
  readonly upstream: string;
  readonly target: string;
  readonly isHealthy: boolean;
}

/** Targets that the metric shows at most. */
const targetsMax = 2_000;

/** The metrics of requests to services, and of the targets that they go to. */
export interface UpstreamMetrics {
  /** `seconds`: from the request to the head of the answer. */
  answered(service: string, seconds: number): void;
  failed(service: string, status: number): void;
  /** Forgets the services that are gone. */
  keepOnly(services: ReadonlySet<string>): void;
}

/** Label `service` is a service's name or id: bounded by the configuration. `targets` is asked at each scrape. */
export function createUpstreamMetrics(registry: Registry, targets: () => Iterable<ShownTarget>): UpstreamMetrics {
  const meters = new Map<string, RouteMeter>();
  exposeDurations(registry, meters, {
    name: 'sluice_upstream_duration_seconds',
    help: 'Time from a request to a service to the head of its answer, by service',
    label: 'service',
  });
  const failures = new Counter({
    name: 'sluice_upstream_failures_total',
    help: 'Requests that no target of a service answered, by service and the status of the answer',
    labelNames: ['service', 'status'],
    registers: [registry],
    collect() {
      failures.reset();
      for (const { label, statuses } of meters.values()) {
        for (const [status, count] of statuses) failures.inc({ service: label, status: String(status) }, count);
      }
    },
  });
  exposeTargets(registry, targets);
  const meterOf = (service: string): RouteMeter => {
    let meter = meters.get(service);
    if (meter === undefined) meters.set(service, (meter = new RouteMeter(service)));
    return meter;
  };
  return {
    answered: (service, seconds) => meterOf(service).observe(seconds),
    failed: (service, status) => meterOf(service).count(status),
    keepOnly(services) {
      for (const label of meters.keys()) if (!services.has(label)) meters.delete(label);
    },
  };
}

function exposeTargets(registry: Registry, targets: () => Iterable<ShownTarget>): void {
  const health = new Gauge({
    name: 'sluice_upstream_target_healthy',
    help: '1 while requests go to a target, 0 while it is unhealthy or its name is not known',
    labelNames: ['upstream', 'target'],
    // One of several workers that finds it unhealthy is enough.
    aggregator: 'min',
    registers: [registry],
    collect() {
      health.reset();
      let shown = 0;
      for (const { upstream, target, isHealthy } of targets()) {
        if (++shown > targetsMax) break;
        health.set({ upstream, target }, isHealthy ? 1 : 0);
      }
    },
  });
}
