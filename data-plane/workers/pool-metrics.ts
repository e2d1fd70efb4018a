import { AggregatorRegistry, type Registry } from 'prom-client';
import type { WorkerMetric } from './messages.ts';

/** The types of a metric whose values only grow. */
const growing = new Set(['counter', 'histogram']);

/** Returns a registry that shows the metrics of several processes as one: by the aggregator of each metric, else summed. */
export function summedRegistry(all: readonly (readonly WorkerMetric[])[]): Registry {
  return AggregatorRegistry.aggregate(all.map((metrics) => [...metrics]));
}

/**
 * Adds the metrics of a worker that is gone to those of earlier ones, so that no sum ever falls. Only what grows is
 * kept: a gauge of a process that is gone says nothing. Labels are bounded as in each process.
 */
export async function addEnded(
  earlier: readonly WorkerMetric[],
  ended: readonly WorkerMetric[],
): Promise<readonly WorkerMetric[]> {
  const counted = ended.filter((metric) => growing.has(String(metric.type)) && isSummed(metric));
  return summedRegistry([earlier, counted]).getMetricsAsJSON();
}

function isSummed({ aggregator }: WorkerMetric): boolean {
  return aggregator === 'sum';
}
