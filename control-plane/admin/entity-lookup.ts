import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import { referencedId, type SnapshotEntity } from '../../shared/snapshot.ts';
import { isUuid } from '../../shared/uuid.ts';
import type { EntityReads } from '../store/entity-access.ts';
import { ownerId } from './names-list.ts';

/** A reference that the path of a request fixes: routes of a service have `{ field: 'service', id }`. */
export interface ParentReference {
  readonly field: string;
  readonly id: string;
}

/** An entity as a path names it. */
export interface NamedEntity {
  readonly entity: EntityDescriptor;
  /** An id or a key, as the path has it. */
  readonly segment: string;
  readonly parent?: ParentReference;
}

/** Returns the entity that a path's segment names: what looks like a UUID is an id first. */
export function lookUp(reads: EntityReads, { entity, segment, parent }: NamedEntity): SnapshotEntity | undefined {
  const byId = isUuid(segment) ? reads.get(entity.plural, segment.toLowerCase()) : undefined;
  return byId ?? byKey(reads, entity, segment, parent);
}

/** Returns the named entity if it belongs to the parent that the path names. */
export function lookUpWithin(reads: EntityReads, named: NamedEntity): SnapshotEntity | undefined {
  const { parent } = named;
  const found = lookUp(reads, named);
  if (found === undefined || parent === undefined) return found;
  return referencedId(found[parent.field]) === parent.id ? found : undefined;
}

function byKey(
  reads: EntityReads,
  { plural, key, keyWithin, normalizeKey, names }: EntityDescriptor,
  segment: string,
  parent: ParentReference | undefined,
): SnapshotEntity | undefined {
  if (names !== undefined) {
    const id = ownerId(names, reads.find(names.child.plural, segment));
    return id === undefined ? undefined : reads.get(plural, id);
  }
  const value = normalizeKey?.(segment) ?? segment;
  if (keyWithin === undefined) return reads.find(plural, value);
  // Several parents may have a child with this key: without the parent it names none.
  return parent?.field === keyWithin ? reads.findTogether(plural, { [key]: value, [keyWithin]: parent.id }) : undefined;
}
