import type { Endpoint, WeightedEndpoint } from '../endpoint.ts';
import { type Balancer, isAvailable, type PickInput } from './balancer.ts';

/** Takes the endpoint with the fewest requests in flight for its weight; equals take turns. */
export function leastConnections(endpoints: readonly WeightedEndpoint[]): Balancer {
  const entries = endpoints.filter(({ weight }) => weight > 0);
  let start = 0;
  return {
    pick(input: PickInput): Endpoint | undefined {
      let best: Endpoint | undefined;
      let bestLoad = Infinity;
      let bestAt = start;
      for (let offset = 0; offset < entries.length; offset++) {
        const at = (start + offset) % entries.length;
        const entry = entries[at];
        if (entry === undefined || !isAvailable(entry.endpoint, input)) continue;
        const load = (entry.endpoint.inFlight + 1) / entry.weight;
        if (load >= bestLoad) continue;
        best = entry.endpoint;
        bestLoad = load;
        bestAt = at;
      }
      if (entries.length > 0) start = (bestAt + 1) % entries.length;
      return best;
    },
  };
}
