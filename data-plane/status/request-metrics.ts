import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { durationBuckets, RouteMeter } from './route-meter.ts';

/** The metrics that the request path reports to. */
export interface RequestMetrics {
  /** Counts requests that matched no route, or were refused before they could be matched. */
  readonly unmatched: RouteMeter;
  /** Returns the meter of a route; the same label gives the same meter. */
  meterOf(routeLabel: string): RouteMeter;
  /** Forgets the meters of routes that are gone. */
  keepOnly(routeLabels: ReadonlySet<string>): void;
  countClientGone(): void;
  /** Counts a request that was answered. */
  countAnswered(): void;
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
  exposeAnswers(registry, meters);
  exposeDurations(registry, meters, {
    name: 'sluice_http_request_duration_seconds',
    help: 'Time from the head of a request to its answer, by route',
    label: 'route',
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
    countClientGone: () => gone.inc(),
    countAnswered: () => (total += 1),
    total: () => total,
  };
}

function exposeAnswers(registry: Registry, meters: ReadonlyMap<string, RouteMeter>): void {
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
  const errors = new Counter({
    name: 'sluice_http_errors_total',
    help: 'Answers with an error code, by route and code',
    labelNames: ['route', 'code'],
    registers: [registry],
    collect() {
      errors.reset();
      for (const { label, codes } of meters.values()) {
        for (const [code, count] of codes) errors.inc({ route: label, code }, count);
      }
    },
  });
}

export interface DurationMetric {
  readonly name: string;
  readonly help: string;
  /** The name of the label that holds a meter's. */
  readonly label: string;
}

/** A histogram of prom-client hashes the labels of each observation. The meters hold the sums already, so it shows those. */
export function exposeDurations(
  registry: Registry,
  meters: ReadonlyMap<string, RouteMeter>,
  { name, help, label }: DurationMetric,
): void {
  const durations = new Histogram<string>({
    name,
    help,
    labelNames: [label],
    buckets: [...durationBuckets],
    registers: [registry],
  });
  const shape = durations.get();
  Object.assign(durations, {
    get: async () => ({
      ...(await shape),
      values: [...meters.values()].flatMap((meter) => series(name, label, meter)),
    }),
    // The registry prefers this shortcut to `get` where there is one.
    getForPromString: undefined,
  });
}

interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

function series(name: string, label: string, meter: RouteMeter): Sample[] {
  const labels = { [label]: meter.label };
  let count = 0;
  const samples: Sample[] = [];
  for (const [index, inBucket] of meter.buckets.entries()) {
    count += inBucket;
    const le = String(durationBuckets[index] ?? '+Inf');
    samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: count });
  }
  if (count === 0) return [];
  samples.push({ metricName: `${name}_sum`, labels, value: meter.secondsTotal });
  samples.push({ metricName: `${name}_count`, labels, value: count });
  return samples;
}
