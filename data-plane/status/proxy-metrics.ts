import { Counter, Histogram, type Registry } from 'prom-client';
import type { ProxySeries, SampleLabels } from '../plugin-api/proxy-series.ts';

/** Consumers that have series of their own; the others are `other`. */
export const consumerLabelsMax = 1_000;

export interface ProxyMetrics extends ProxySeries {
  /** Forgets the series of routes that are gone. */
  keepOnly(routeLabels: ReadonlySet<string>): void;
}

/** Kong has a label for workspaces; there is one. */
const workspace = 'default';
const kongBuckets = [1, 2, 5, 7, 10, 15, 20, 30, 50, 75, 100, 200, 500, 750, 1000];
const upstreamBuckets = [25, 50, 80, 100, 250, 400, 700, 1000, 2000, 5000, 10_000, 30_000, 60_000];

/** The metrics of the plugin prometheus, with Kong's names, labels and buckets. They appear with the first sample. */
export function createProxyMetrics(registry: Registry): ProxyMetrics {
  const series = new Series();
  const consumers = new Set<string>();
  const registers = [registry];
  const latencyLabels = ['service', 'route', 'workspace'];
  const requests = new Counter({
    name: 'kong_http_requests_total',
    help: 'Requests by status code',
    labelNames: ['service', 'route', 'code', 'source', 'workspace', 'consumer'],
    registers,
  });
  const bandwidth = new Counter({
    name: 'kong_bandwidth_bytes',
    help: 'Bytes of requests (ingress) and of answers (egress)',
    labelNames: ['service', 'route', 'direction', 'workspace', 'consumer'],
    registers,
  });
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name, help, buckets, labelNames: latencyLabels, registers });
  const latencies = {
    request: histogram('kong_request_latency_ms', 'Time from a request to its answer', upstreamBuckets),
    kong: histogram('kong_kong_latency_ms', 'Time that the node itself took', kongBuckets),
    upstream: histogram('kong_upstream_latency_ms', 'Time that the service took', upstreamBuckets),
  };
  return {
    consumerLabel(name) {
      if (consumers.has(name)) return name;
      if (consumers.size >= consumerLabelsMax) return 'other';
      consumers.add(name);
      return name;
    },
    request({ service, route, consumer }, status, source) {
      const labels = { service, route, code: String(status), source, workspace, consumer };
      series.keep(requests, labels);
      requests.inc(labels);
    },
    latency({ service, route }: SampleLabels, kind, milliseconds) {
      const labels = { service, route, workspace };
      series.keep(latencies[kind], labels);
      latencies[kind].observe(labels, milliseconds);
    },
    bytes({ service, route, consumer }, direction, bytes) {
      const labels = { service, route, direction, workspace, consumer };
      series.keep(bandwidth, labels);
      bandwidth.inc(labels, bytes);
    },
    keepOnly: (routeLabels) => series.keepOnly(routeLabels),
  };
}

type Labels = Readonly<Record<string, string>>;
interface Removable {
  remove(labels: Labels): void;
}

/** The series that exist, so that those of a route can be removed with it. */
class Series {
  readonly #known = new Map<Removable, Map<string, Labels>>();

  keep(metric: Removable, labels: Labels): void {
    let ofMetric = this.#known.get(metric);
    if (ofMetric === undefined) this.#known.set(metric, (ofMetric = new Map()));
    const key = Object.values(labels).join('\n');
    if (!ofMetric.has(key)) ofMetric.set(key, labels);
  }

  keepOnly(routeLabels: ReadonlySet<string>): void {
    for (const [metric, ofMetric] of this.#known) {
      for (const [key, labels] of ofMetric) {
        const { route = '' } = labels;
        if (route === '' || routeLabels.has(route)) continue;
        metric.remove(labels);
        ofMetric.delete(key);
      }
    }
  }
}
