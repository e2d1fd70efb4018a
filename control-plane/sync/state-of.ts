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
    appliedHash: appliedHashOf(entry),
    rejectedHash: rejected ? expectedHash : undefined,
    behindSinceMs: entry.behindSinceMs,
    nowMs,
  });
}

/** Returns the hash that the node runs for this database; undefined while it runs that of another one, or none. */
export function appliedHashOf({ session, record }: NodeEntry): string | undefined {
  return session?.isStranger === true ? undefined : (record.appliedHash ?? undefined);
}

/** Tells whether the node's version and plugins allow it to get the configuration. */
export function isCompatible({ nodeClass }: NodeEntry): boolean {
  return nodeClass?.refusal() === undefined;
}
