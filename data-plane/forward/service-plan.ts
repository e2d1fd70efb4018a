import type { Exchange } from '../plugin-api/exchange.ts';
import type { Upstream } from '../upstreams/upstream.ts';
import type { Connections } from './connections.ts';
import type { GrpcSessions } from './grpc-sessions.ts';
import type { HashResult } from './hash-input.ts';

/** How a service's endpoints are spoken to. */
export type ServiceConnections =
  | { readonly kind: 'http'; readonly connections: Connections }
  | { readonly kind: 'grpc'; readonly sessions: GrpcSessions };

/** A service as its routes use it, compiled when the configuration is applied. */
export interface ServicePlan {
  /** Name or id, for logs. */
  readonly label: string;
  readonly path: string | null;
  readonly upstream: Upstream;
  /** The Host header; null: the host that was chosen. */
  readonly hostHeader: string | null;
  /** The port that needs no mention in Host. */
  readonly defaultPort: number;
  readonly retries: number;
  readonly connectTimeoutMs: number;
  readonly writeTimeoutMs: number;
  /** Also bounds the time for which nothing passes over a switched connection or a gRPC call. */
  readonly readTimeoutMs: number;
  readonly to: ServiceConnections;
  readonly hash: (exchange: Exchange) => HashResult;
}

/** The part of a route that decides how its requests are forwarded. */
export interface ForwardRoute {
  /** Characters of the path that the route matched and strips; 0: none. */
  readonly strippedLength: number;
  readonly preserveHost: boolean;
}
