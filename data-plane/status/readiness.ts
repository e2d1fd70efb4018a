import type { ClusterStatus } from '../kafka/producer-types.ts';

/** How long a node tries to reach the Kafka clusters of its first configuration before it is ready without them. */
const clusterTryMs = 10_000;

export interface ReadinessDeps {
  /** Whether a configuration is live. */
  readonly isConfigured: () => boolean;
  readonly clusters: () => readonly ClusterStatus[];
  /** Returns sentences about what fails although the node serves, such as a full disk. */
  readonly problems?: () => readonly string[];
  readonly isDraining: () => boolean;
  /** Whether every port of the proxy that is wanted is bound. */
  readonly isListening: () => boolean;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
}

export interface ReadyState {
  readonly ready: boolean;
  readonly body: {
    readonly message: string;
    readonly reasons?: readonly string[];
    readonly clusters: readonly ClusterStatus[];
    /** Absent when there are none. */
    readonly problems?: readonly string[];
  };
}

/**
 * Tells whether a node is ready: a configuration is live, and each Kafka cluster that it names was reached or 10 s of
 * trying have passed. Once ready, losing Kafka does not make the node unready, since its other routes work; the body
 * shows it.
 */
export function createReadiness(deps: ReadinessDeps): () => ReadyState {
  const { isConfigured, clusters, problems = () => [], isDraining, isListening, nowMs } = deps;
  let configuredAtMs: number | undefined;
  let wasReady = false;

  function reasonsOf(states: readonly ClusterStatus[]): string[] {
    if (isDraining()) return ['draining'];
    const reasons = isListening() ? [] : ['a port is not bound yet'];
    if (!isConfigured()) return [...reasons, 'no configuration yet'];
    configuredAtMs ??= nowMs();
    if (wasReady || nowMs() - configuredAtMs >= clusterTryMs) return reasons;
    const unreached = states.filter(({ state }) => state !== 'connected');
    return [...reasons, ...unreached.map(({ name }) => `the Kafka cluster ${name} was not reached yet`)];
  }

  return () => {
    const states = clusters();
    const reasons = reasonsOf(states);
    const found = problems();
    const shown = { clusters: states, ...(found.length > 0 && { problems: found }) };
    if (reasons.length > 0) return { ready: false, body: { message: 'not ready', reasons, ...shown } };
    wasReady = true;
    return { ready: true, body: { message: 'ready', ...shown } };
  };
}
