import type { EntityFault } from './config-source.ts';
import type { EntityDescriptor } from './entities/entity.ts';
import { dottedPath } from './schema/faults.ts';
import { idReferences } from './schema/id-references.ts';
import { nameOf, referencedId, type SnapshotEntities, type SnapshotEntity } from './snapshot.ts';

/**
 * Finds every reference to an entity that is not in the snapshot, in fields of type foreign, alone or in a list. A node
 * would refuse such a snapshot, so it must not leave.
 */
export function findDanglingReferences(
  entities: SnapshotEntities,
  descriptors: readonly EntityDescriptor[],
): readonly EntityFault[] {
  const idsByPlural = new Map<string, ReadonlySet<string>>();
  for (const [plural, list] of Object.entries(entities)) idsByPlural.set(plural, new Set(list.map(({ id }) => id)));
  const faults: EntityFault[] = [];
  for (const descriptor of descriptors) {
    for (const entity of entities[descriptor.plural] ?? []) {
      for (const { path, plural, id } of references(entity, descriptor)) {
        if (idsByPlural.get(plural)?.has(id)) continue;
        const message = `refers to '${id}', which is not among the ${plural}`;
        faults.push({ entityType: descriptor.name, entityId: entity.id, entityName: nameOf(entity), path, message });
      }
    }
  }
  return faults;
}

interface Reference {
  readonly path: string;
  readonly plural: string;
  readonly id: string;
}

/** Returns the entities to which this one refers, by reference or by an id in a field of text. */
export function references(entity: SnapshotEntity, descriptor: EntityDescriptor): readonly Reference[] {
  const found: Reference[] = [];
  for (const [name, field] of Object.entries(descriptor.fields)) {
    const value = entity[name];
    const plural = field.reference ?? field.elements?.reference;
    if (plural === undefined || value === null || value === undefined) continue;
    for (const [index, item] of (Array.isArray(value) ? value : [value]).entries()) {
      const id = referencedId(item);
      if (id !== undefined) found.push({ path: Array.isArray(value) ? `${name}.${index + 1}` : name, plural, id });
    }
  }
  for (const { path, plural, id } of idReferences(descriptor.fields, entity)) {
    found.push({ path: dottedPath(path), plural, id });
  }
  return found;
}
