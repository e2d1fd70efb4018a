import type { Endpoint, WeightedEndpoint } from '../endpoint.ts';
import { hashText, mixHashes } from '../hash-text.ts';
import { type Balancer, isAvailable, type PickInput } from './balancer.ts';
import { roundRobin } from './round-robin.ts';

/** One above the largest 32-bit hash. */
const hashesCount = 2 ** 32;

/**
 * Maps a hash to the endpoint with the highest score (weighted rendezvous hashing, Thaler and Ravishankar 1996). Scores
 * follow from hash and address alone, so when an endpoint comes, goes or becomes unhealthy only its own share of the
 * hashes moves. A ring moves more unless it has very many points; Kong's `slots` has no effect here. Requests without a
 * hash take turns.
 */
export function consistentHashing(endpoints: readonly WeightedEndpoint[]): Balancer {
  const entries = endpoints
    .filter(({ weight }) => weight > 0)
    .map(({ endpoint, weight }) => ({ endpoint, weight, own: hashText(`${endpoint.address}:${endpoint.port}`) }));
  const turns = roundRobin(endpoints);
  return {
    pick(input: PickInput): Endpoint | undefined {
      const { hash } = input;
      if (hash === undefined) return turns.pick(input);
      let best: Endpoint | undefined;
      let bestScore = -Infinity;
      for (const { endpoint, weight, own } of entries) {
        if (!isAvailable(endpoint, input)) continue;
        // -weight / ln(u), u evenly spread in (0, 1): each endpoint wins in proportion to its weight.
        const score = -weight / Math.log((mixHashes(hash, own) + 0.5) / hashesCount);
        if (score <= bestScore) continue;
        best = endpoint;
        bestScore = score;
      }
      return best;
    },
  };
}
