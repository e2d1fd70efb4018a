import type { Endpoint } from '../../../data-plane/upstreams/endpoint.ts';
import { HealthState } from '../../../data-plane/upstreams/health-state.ts';
import { PeakEwma } from '../../../data-plane/upstreams/peak-ewma.ts';

/** Returns an endpoint whose address tells it from others. */
export function makeEndpoint(name: string, port = 80): Endpoint {
  return {
    target: `${name}:${port}`,
    hostname: name,
    address: name,
    port,
    health: new HealthState(),
    latency: new PeakEwma(),
    inFlight: 0,
  };
}
