import type { TargetHealthChange, TargetState } from '../../shared/target-health.ts';

/** A data plane as `GET /clustering/data-planes` answers it; Kong's fields and ours. `id` is the node's UUID. */
export type DataPlaneView = Readonly<Record<string, unknown>> & { readonly id: string };

/** The data planes as the Admin API shows them; the config sync implements it. */
export interface Clustering {
  /** Returns every known node, connected or not, in order of id. */
  listDataPlanes(): readonly DataPlaneView[];
  getDataPlane(id: string): DataPlaneView | undefined;
  /** Returns the body of `GET /clustering/status`: expected hash, counts by state, slowest node. */
  status(): Readonly<Record<string, unknown>>;
  /** Removes the row of a node that is not connected. */
  forgetDataPlane(id: string): 'forgotten' | 'connected' | 'unknown';
  /**
   * Offers the configuration with the operator's consent to nodes that follow another database. Returns those to which it
   * is offered now; a node that is not connected, unknown, or does not follow another database is left out.
   */
  adoptDatabase(ids: readonly string[] | 'all'): readonly string[];
  /** Lets a node run a sample request without sending anything. Never rejects. */
  tryRequest(id: string, json: Buffer): Promise<TryAnswer>;
  /** Returns the last changes of a node's state, the newest first; undefined for a node that is not known. */
  history(id: string): readonly object[] | undefined;
  /** Returns what the connected nodes need outside of themselves, each once, with the nodes that reach it or do not. */
  destinations(): readonly DestinationView[];
  /** Returns the body of `GET /clustering/traffic`. */
  traffic(subject: TrafficSubject, sinceMs: number): Readonly<Record<string, unknown>>;
  /** Calls the listener each time that a node's state becomes another. Returns the function that ends it. */
  onStateChange(listener: (change: StateChangeView) => void): () => void;
}

/** What became of a sample request; the node's own answer is JSON. */
export type TryAnswer =
  | { readonly kind: 'answered'; readonly status: number; readonly json: Buffer }
  | { readonly kind: 'unknown' | 'offline' | 'too_old' | 'late' }
  | { readonly kind: 'busy'; readonly max: number };

/** The owner of the traffic that is asked for. */
export type TrafficSubject =
  | { readonly kind: 'all' }
  | { readonly kind: 'route'; readonly id: string }
  | { readonly kind: 'node'; readonly id: string };

/** A cluster, topic or registry as `GET /clustering/destinations` lists it. */
export interface DestinationView {
  readonly kind: string;
  readonly name: string;
  /** The worst of the nodes' states. */
  readonly state: string;
  /** How many nodes tell each state. */
  readonly nodes: Readonly<Record<'reachable' | 'unreachable' | 'untested', number>>;
  /** The reasons of the nodes that do not reach it, each once. */
  readonly errors: readonly {
    readonly error: string;
    readonly nodes: readonly string[];
    readonly nodes_total: number;
  }[];
}

/** Data of the event `state` of `GET /clustering/events`. */
export interface StateChangeView {
  readonly id: string;
  readonly hostname: string;
  /** The state before. */
  readonly from: string;
  readonly state: string;
  readonly expected_hash: string | null;
  readonly applied_hash: string | null;
  /** Seconds since 1970. */
  readonly at: number;
}

/** Lets a write wait until the nodes run it (`?wait=applied&timeout=5s`). */
export interface SyncGate {
  /**
   * Waits until every connected compatible node runs the revision or a newer one, until one rejects it, or until the
   * timeout. Resolves with the text of the header `Sluice-Sync`, such as `applied; nodes=3`; never rejects.
   */
  waitApplied(revision: number, timeoutMs: number): Promise<string>;
}

/** The health of targets as the data planes see it; the config sync, or the node of the same process, implements it. */
export interface TargetHealthView {
  /** Returns what each node says that sends requests to this upstream. */
  reports(upstreamId: string): readonly NodeTargetReport[];
  /** Sets the health of a target on every connected node that can take it. */
  set(change: TargetHealthChange): void;
}

export interface NodeTargetReport {
  /** The node's UUID. */
  readonly id: string;
  readonly hostname: string;
  readonly stateOf: (target: string) => TargetState;
}
