import type { Endpoint, WeightedEndpoint } from '../endpoint.ts';
import { type Balancer, isAvailable, type PickInput } from './balancer.ts';

/**
 * Draws two endpoints by weight and takes the one with the lower cost: its latency (peak EWMA) times the requests that it
 * would then have in flight. Two draws spread load nearly as well as looking at all, and never herd onto one endpoint.
 */
export function latency(endpoints: readonly WeightedEndpoint[], random: () => number = Math.random): Balancer {
  const entries = endpoints.filter(({ weight }) => weight > 0);
  return {
    pick(input: PickInput): Endpoint | undefined {
      const available = entries.filter(({ endpoint }) => isAvailable(endpoint, input));
      const first = draw(available, random);
      const second = draw(
        available.filter(({ endpoint }) => endpoint !== first),
        random,
      );
      if (first === undefined || second === undefined) return first;
      return cost(second, input.nowMs) < cost(first, input.nowMs) ? second : first;
    },
  };
}

function draw(entries: readonly WeightedEndpoint[], random: () => number): Endpoint | undefined {
  let left = random() * entries.reduce((sum, { weight }) => sum + weight, 0);
  for (const { endpoint, weight } of entries) {
    left -= weight;
    if (left < 0) return endpoint;
  }
  return entries.at(-1)?.endpoint;
}

function cost(endpoint: Endpoint, nowMs: number): number {
  return endpoint.latency.value(nowMs) * (endpoint.inFlight + 1);
}
