import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { UnusableSchema } from './encoder.ts';
import type { RegistryState } from './registry-state.ts';
import type { CacheCounts } from './subject-schema.ts';

/** The result of a request to a registry. */
export type RequestResult = 'ok' | 'not_found' | 'refused' | 'error' | 'unreachable';

/** The metrics that requests to registries move. */
export interface RegistryMetrics {
  readonly latency: Pick<Histogram, 'observe'>;
  /** @param registry its host and port */
  count(registry: string, result: RequestResult): void;
}

export interface RegistryMetricsDeps {
  readonly metrics: Registry;
  readonly counts: CacheCounts;
  readonly states: () => readonly RegistryState[];
  readonly unusable: () => readonly UnusableSchema[];
}

/** Registers the metrics of registries and of the cache of schemas. */
export function registerRegistryMetrics({ metrics, counts, states, unusable }: RegistryMetricsDeps): RegistryMetrics {
  const registers = [metrics];
  readCounter(metrics, 'sluice_schema_cache_hits_total', 'Encodings with a cached schema.', () => counts.hits);
  readCounter(
    metrics,
    'sluice_schema_cache_misses_total',
    'Encodings that waited for the registry.',
    () => counts.misses,
  );
  readCounter(
    metrics,
    'sluice_schema_cache_stale_total',
    'Encodings with an expired latest schema, because the registry could not be asked.',
    () => counts.stale,
  );
  registerUp(metrics, states);
  registerUnusable(metrics, unusable);
  const requests = new Counter({
    name: 'sluice_schema_registry_requests_total',
    help: 'Requests to schema registries by what became of them.',
    labelNames: ['registry', 'result'],
    registers,
  });
  const latency = new Histogram({
    name: 'sluice_schema_registry_request_duration_seconds',
    help: 'Time of requests to schema registries.',
    registers,
    buckets: [0.005, 0.02, 0.1, 0.5, 1, 3],
  });
  return { latency, count: (registry, result) => requests.inc({ registry, result }) };
}

/** Registers a counter that is read off when it is scraped. */
function readCounter(metrics: Registry, name: string, help: string, read: () => number): Counter {
  return new Counter({
    name,
    help,
    registers: [metrics],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

function registerUp(metrics: Registry, states: () => readonly RegistryState[]): Gauge {
  return new Gauge({
    name: 'sluice_registry_up',
    help: 'Whether the last request to the schema registry got an answer of it (1) or not (0).',
    labelNames: ['registry'],
    // The worst state of several workers counts.
    aggregator: 'min',
    registers: [metrics],
    collect() {
      this.reset();
      // Several settings may name one registry: it is up when it answers all of them.
      for (const { name, state } of states()) if (state === 'reachable') this.set({ registry: name }, 1);
      for (const { name, state } of states()) if (state === 'unreachable') this.set({ registry: name }, 0);
    },
  });
}

function registerUnusable(metrics: Registry, unusable: () => readonly UnusableSchema[]): Gauge {
  return new Gauge({
    name: 'sluice_schema_unusable',
    help: 'Subjects whose newest schema cannot be used, by why.',
    labelNames: ['registry', 'why'],
    aggregator: 'max',
    registers: [metrics],
    collect() {
      this.reset();
      for (const { registry, why } of unusable()) this.inc({ registry, why });
    },
  });
}
