import type { Registry } from 'prom-client';
import type { ApplyResult } from '../../shared/config-source.ts';
import type { Destination } from '../../shared/destination.ts';
import type { ClusterStatus } from '../kafka/producer-types.ts';
import type { KeyClaim } from '../plugin-api/answered-keys.ts';
import type { Answer as KeyAnswer } from '../plugin-api/exchange.ts';
import type { Snapshot } from '../../shared/snapshot.ts';
import type { TargetHealthChange, UpstreamState } from '../../shared/target-health.ts';

/** The states of a worker that its parent tells as the node's. */
export interface WorkerFacts {
  readonly requestsTotal: number;
  /** As `/status` shows them. */
  readonly clusters: readonly ClusterStatus[];
  readonly destinations: readonly Destination[];
  readonly targets: readonly UpstreamState[];
  readonly unusableSchemas: readonly object[];
  readonly warnings: readonly string[];
  readonly connections: { readonly accepted: number; readonly active: number };
}

/** A metric of a worker with its values, as prom-client's aggregation takes it. */
export type WorkerMetric = Awaited<ReturnType<Registry['getMetricsAsJSON']>>[number];

/** An error of a worker, in a form that survives the way to its parent. */
export interface WorkerError {
  readonly message: string;
  /** Node.js's name of a system error, and what it was about. */
  readonly code?: string;
  readonly syscall?: string;
  readonly address?: string;
  readonly port?: number;
}

export type PortName = 'proxy' | 'proxy_tls';
export type BoundPorts = { readonly [Name in PortName]?: { readonly host: string; readonly port: number } };

/** What a parent asks of a worker. Each question gets one answer of the same id. */
export type Question =
  /** Makes the node. The options are the node's, without functions. */
  | { readonly kind: 'start'; readonly options: unknown }
  /** Answered by `built`, when all is ready for the swap, or by `applied`. */
  | { readonly kind: 'build'; readonly snapshot: Snapshot; readonly dryRun: boolean }
  /** Ends the build under way; answered by `applied`. */
  | { readonly kind: 'swap'; readonly goesOn: boolean }
  /** Take connections of the ports, which are bound at these addresses. */
  | { readonly kind: 'listen'; readonly ports: BoundPorts }
  | { readonly kind: 'metrics' }
  /** Give memory back that is not used: a message `gaveBack` comes before the answer. */
  | { readonly kind: 'give_back' }
  | { readonly kind: 'drain' };

export type Answer =
  | { readonly kind: 'started' }
  | { readonly kind: 'built' }
  | { readonly kind: 'applied'; readonly result: ApplyResult }
  | { readonly kind: 'listening' }
  | { readonly kind: 'metrics'; readonly metrics: readonly WorkerMetric[] }
  | { readonly kind: 'gave_back' }
  | { readonly kind: 'drained' }
  | { readonly kind: 'failed'; readonly error: WorkerError };

export type ToWorker =
  | { readonly id: number; readonly question: Question }
  | { readonly granted: GrantedMemory }
  /** Comes with a connection; answered by `took` of the same number. */
  | { readonly connection: PortName; readonly given: number }
  | { readonly claimed: number; readonly claim: KeyClaim }
  /** An operator sets the health of a target. */
  | { readonly targetHealth: TargetHealthChange };

/** Bytes that a worker may use on top; `wanted` names the question. */
export interface GrantedMemory {
  readonly wanted: number;
  readonly bytes: number;
}

export type FromWorker =
  /** The worker listens to messages: what comes before is lost. */
  | { readonly hello: true }
  | { readonly took: number }
  | { readonly id: number; readonly answer: Answer }
  | { readonly facts: WorkerFacts }
  /** The worker needs so many bytes for a record; answered by `granted`. */
  | { readonly wanted: number; readonly bytes: number }
  | { readonly gaveBack: number }
  /** A request with this idempotency key came; answered by `claimed` of the same number. */
  | { readonly claims: number; readonly key: string }
  | { readonly endsKey: string; readonly kept: KeyAnswer | undefined };

/** Turns an error into a form that can be sent. */
export function sentError(error: unknown): WorkerError {
  if (!(error instanceof Error)) return { message: String(error) };
  const { message, code, syscall, address, port }: NodeJS.ErrnoException & { address?: unknown; port?: unknown } =
    error;
  return {
    message,
    ...(typeof code === 'string' && { code }),
    ...(typeof syscall === 'string' && { syscall }),
    ...(typeof address === 'string' && { address }),
    ...(typeof port === 'number' && { port }),
  };
}

/** Makes an error again of what was sent, so that a failed start is explained as in a single process. */
export function receivedError({ message, ...fields }: WorkerError): Error {
  return Object.assign(new Error(message), fields);
}
