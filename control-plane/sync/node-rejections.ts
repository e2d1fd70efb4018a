import { type EntityFault, isDatabaseFault, toldFaultsMax } from '../../shared/config-source.ts';
import type { NodeRejection } from '../store/node-store.ts';
import { boundedText } from './bounded-text.ts';

/** Returns the hash of an entity as it is now; undefined when it does not travel any more. */
export type EntityHashOf = (entityType: string, entityId: string) => string | undefined;

/** Bound of the path and the message of a fault, in characters. */
const faultTextMax = 2_000;
/** Bound of all faults of a rejection together, in characters: a row is kept for each node. */
const rejectionTextMax = 64 * 1024;
/** The more nodes are known, the less of a rejection each may keep: they share this many characters. */
const allRejectionsTextMax = 4 * 1024 * 1024;
/** How many rejections of a stream are remembered. */
const rejectionsMax = 10;

export interface RejectionContext {
  readonly entityHashOf: EntityHashOf;
  /** How many nodes are known. */
  readonly nodes: number;
}

/** Makes the rejection that is kept, with the hashes of the entities that it names. */
export function rejectionOf(
  { hash, faults }: { readonly hash: string; readonly faults: readonly EntityFault[] },
  { entityHashOf, nodes }: RejectionContext,
): NodeRejection {
  const errors = boundedFaults(faults, Math.min(rejectionTextMax, allRejectionsTextMax / Math.max(1, nodes)));
  const entities: Record<string, string> = {};
  for (const { entityType, entityId } of errors) {
    const entityHash = entityHashOf(entityType, entityId);
    if (entityHash !== undefined) entities[keyOf(entityType, entityId)] = entityHash;
  }
  return { hash, atMs: Date.now(), errors, entities };
}

/**
 * Returns what is left of a rejection of another version than the expected one: faults go whose entity has changed or is
 * gone since. Returns the same object when all stand, and null when none does.
 */
export function standingRejection(rejection: NodeRejection, entityHashOf: EntityHashOf): NodeRejection | null {
  const { entities } = rejection;
  if (entities === undefined) return rejection;
  const errors = rejection.errors.filter(({ entityType, entityId }) => {
    const key = keyOf(entityType, entityId);
    return !Object.hasOwn(entities, key) || entities[key] === entityHashOf(entityType, entityId);
  });
  if (errors.length === rejection.errors.length) return rejection;
  return errors.length === 0 ? null : { ...rejection, errors };
}

/** Remembers a rejection by its hash; the oldest is dropped. */
export function remember(rejections: Map<string, NodeRejection>, rejection: NodeRejection): void {
  for (const oldest of rejections.keys()) {
    if (rejections.size < rejectionsMax) break;
    rejections.delete(oldest);
  }
  rejections.set(rejection.hash, rejection);
}

/** Tells whether the node rejected the version only because it follows another database. */
export function followsAnotherDatabase({ errors }: NodeRejection): boolean {
  return errors.some(isDatabaseFault);
}

/** Cuts the faults of a rejected version to the bounds that are kept, whatever software sent them. One is always kept. */
export function boundedFaults(faults: readonly EntityFault[], textMax = rejectionTextMax): EntityFault[] {
  const kept: EntityFault[] = [];
  let chars = 0;
  for (const { entityType, entityId, entityName, path, message } of faults.slice(0, toldFaultsMax)) {
    const fault = {
      entityType: boundedText(entityType),
      entityId: boundedText(entityId),
      entityName: boundedText(entityName),
      path: boundedText(path, faultTextMax),
      message: boundedText(message, faultTextMax),
    };
    chars += Object.values(fault).reduce((sum, { length }) => sum + length, 0);
    if (chars > textMax && kept.length > 0) break;
    kept.push(fault);
  }
  return kept;
}

function keyOf(entityType: string, entityId: string): string {
  return `${entityType}/${entityId}`;
}
