import type { NodeRejection } from '../store/node-store.ts';
import { boundedText } from './bounded-text.ts';
import type { NodeState } from './node-states.ts';

/** Changes that are kept of a node. */
const changesMax = 50;
/** Bound of the reason of a change, in characters. */
const reasonMax = 300;

/** A change of a node's state. */
export interface PastChange {
  readonly atMs: number;
  readonly from: NodeState;
  readonly to: NodeState;
  readonly expectedHash: string | null;
  readonly appliedHash: string | null;
  /** The first fault of a rejection; null where the state needs no reason. */
  readonly reason: string | null;
}

/** The last changes of one node's state, in memory: they are gone when the control plane restarts. */
export class StateHistory {
  readonly #changes: PastChange[] = [];

  note(change: PastChange): void {
    this.#changes.push(change);
    if (this.#changes.length > changesMax) this.#changes.shift();
  }

  /** Returns the changes, the newest first. */
  all(): readonly PastChange[] {
    return this.#changes.toReversed();
  }
}

/** Says the first fault of a rejection in one line. */
export function rejectionReason(rejected: NodeRejection | null): string | null {
  const [fault] = rejected?.errors ?? [];
  if (fault === undefined) return null;
  const where = [fault.entityType, fault.entityName === '' ? fault.entityId : fault.entityName, fault.path];
  return boundedText(`${where.filter((part) => part !== '').join(' ')}: ${fault.message}`, reasonMax);
}
