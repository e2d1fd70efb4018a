import type { HealthState } from './health-state.ts';
import type { PeakEwma } from './peak-ewma.ts';

/** One address of a target: what a connection is made to. Kept over changes of the configuration, health included. */
export interface Endpoint {
  /** `host:port` of the target that it belongs to, as configured. */
  readonly target: string;
  /** The target's host name, for the Host header and certificates. */
  readonly hostname: string;
  readonly address: string;
  readonly port: number;
  readonly health: HealthState;
  readonly latency: PeakEwma;
  /** Requests that it is working on. */
  inFlight: number;
}

/** An endpoint with its share of the requests; 0: none. */
export interface WeightedEndpoint {
  readonly endpoint: Endpoint;
  readonly weight: number;
}
