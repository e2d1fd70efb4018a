export const nodeStates = ['offline', 'incompatible', 'rejected', 'in_sync', 'pending', 'stale'] as const;
export type NodeState = (typeof nodeStates)[number];

/** How long a node may be behind before it counts as stale. */
export const staleAfterMs = 10_000;

export interface NodeFacts {
  readonly connected: boolean;
  /** False when the node's version or plugins keep it from getting the configuration. */
  readonly compatible: boolean;
  /** Hash of the newest snapshot; undefined before there is one. */
  readonly expectedHash: string | undefined;
  readonly appliedHash: string | undefined;
  /** The hash that the node refused last, if it has not applied another since. */
  readonly rejectedHash: string | undefined;
  /** Since when the node has been waiting for what it should run: it connected, or acked, or fell behind. */
  readonly behindSinceMs: number | undefined;
  readonly nowMs: number;
}

/** The state that operators see: the first rule that fits (control plane contract, section 4). */
export function nodeState(facts: NodeFacts): NodeState {
  const { connected, compatible, expectedHash, appliedHash, rejectedHash, behindSinceMs, nowMs } = facts;
  if (!connected) return 'offline';
  if (!compatible) return 'incompatible';
  if (expectedHash !== undefined && rejectedHash === expectedHash) return 'rejected';
  if (expectedHash !== undefined && appliedHash === expectedHash) return 'in_sync';
  return behindSinceMs === undefined || nowMs - behindSinceMs < staleAfterMs ? 'pending' : 'stale';
}
