import type { NodeEntry } from './node-entry.ts';
import { nodeState, type NodeState } from './node-states.ts';

/** Returns the state of a node at a time. */
export function stateOf(entry: NodeEntry, nowMs: number): NodeState {
  const expectedHash = entry.nodeClass?.publication()?.hash;
  const rejected = expectedHash !== undefined && entry.session?.hasRejected(expectedHash) === true;
  return nodeState({
    connected: entry.session !== undefined,
    compatible: isCompatible(entry),
    expectedHash,
    appliedHash: entry.record.appliedHash ?? undefined,
    rejectedHash: rejected ? expectedHash : undefined,
    behindSinceMs: entry.behindSinceMs,
    nowMs,
  });
}

/** Tells whether the node's version and plugins allow it to get the configuration. */
export function isCompatible({ nodeClass }: NodeEntry): boolean {
  return nodeClass?.refusal() === undefined;
}
