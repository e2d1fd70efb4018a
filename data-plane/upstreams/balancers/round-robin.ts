import type { Endpoint, WeightedEndpoint } from '../endpoint.ts';
import { type Balancer, isAvailable, type PickInput } from './balancer.ts';

/**
 * Takes endpoints in turn, each as often as its weight says and spread evenly (nginx's smooth weighted round-robin):
 * each pick adds the weight to each endpoint's credit, takes the largest credit, and charges it the sum of the weights.
 */
export function roundRobin(endpoints: readonly WeightedEndpoint[]): Balancer {
  const entries = endpoints
    .filter(({ weight }) => weight > 0)
    .map(({ endpoint, weight }) => ({ endpoint, weight, credit: 0 }));
  return {
    pick(input: PickInput): Endpoint | undefined {
      let best: (typeof entries)[number] | undefined;
      let total = 0;
      for (const entry of entries) {
        if (!isAvailable(entry.endpoint, input)) continue;
        entry.credit += entry.weight;
        total += entry.weight;
        if (best === undefined || entry.credit > best.credit) best = entry;
      }
      if (best !== undefined) best.credit -= total;
      return best?.endpoint;
    },
  };
}
