import type { Endpoint, WeightedEndpoint } from '../endpoint.ts';

export interface PickInput {
  /** Hash of what the upstream hashes on; undefined when it hashes on nothing or the request lacks it. */
  readonly hash: number | undefined;
  /** Endpoints that this request has tried already. */
  readonly tried: ReadonlySet<Endpoint>;
  /** Monotonic milliseconds. */
  readonly nowMs: number;
}

/** Chooses among the endpoints of one upstream. It is built anew when the endpoints or their weights change. */
export interface Balancer {
  /** Returns a healthy endpoint with a weight above 0 that was not tried yet; undefined when there is none. */
  pick(input: PickInput): Endpoint | undefined;
}

export type MakeBalancer = (endpoints: readonly WeightedEndpoint[]) => Balancer;

export function isAvailable(endpoint: Endpoint, { tried }: PickInput): boolean {
  return endpoint.health.isHealthy && !tried.has(endpoint);
}
