export const nodeStates = ['offline', 'incompatible', 'rejected', 'in_sync', 'pending', 'stale'] as const;
export type NodeState = (typeof nodeStates)[number];

/** How long a node may be behind before it counts as stale. */
export const staleAfterMs = 10_000;

export interface NodeFacts {
  readonly connected: boolean;
  /** False when the node's version or plugins do not allow it to get the configuration. */
  readonly compatible: boolean;
  /** The hash of the newest snapshot; undefined before there is one. */
  readonly expectedHash: string | undefined;
  readonly appliedHash: string | undefined;
  /** The hash that the node rejected last, if it has not applied another one since. */
  readonly rejectedHash: string | undefined;
  /** Since when the applied hash differs from the expected one; undefined while they are equal. */
  readonly behindSinceMs: number | undefined;
  readonly nowMs: number;
}

/** Returns the state that operators see: the first rule that fits. */
export function nodeState(facts: NodeFacts): NodeState {
  const { connected, compatible, expectedHash, appliedHash, rejectedHash, behindSinceMs, nowMs } = facts;
  if (!connected) return 'offline';
  if (!compatible) return 'incompatible';
  if (expectedHash !== undefined && rejectedHash === expectedHash) return 'rejected';
  if (expectedHash !== undefined && appliedHash === expectedHash) return 'in_sync';
  return behindSinceMs === undefined || nowMs - behindSinceMs < staleAfterMs ? 'pending' : 'stale';
}
