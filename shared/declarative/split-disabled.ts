import type { EntityDescriptor } from '../entities/entity.ts';
import { references } from '../entity-references.ts';
import type { SnapshotEntities, SnapshotEntity } from '../snapshot.ts';

/**
 * Splits entities into those that run and those that do not: entities that are disabled (`enabled` false), or that
 * depend on a disabled one at any depth, such as the plugins of the routes of a disabled service. Kinds without entities
 * are left out.
 */
export function splitDisabled(
  entities: SnapshotEntities,
  descriptors: readonly EntityDescriptor[],
): { readonly enabled: SnapshotEntities; readonly disabled: SnapshotEntities } {
  const off = new Set<string>();
  const isOff = (descriptor: EntityDescriptor, entity: SnapshotEntity) =>
    entity['enabled'] === false ||
    (off.size > 0 && references(entity, descriptor).some(({ plural, id }) => off.has(`${plural}/${id}`)));
  // Each round follows references one step further; nothing new in a round means that all were followed.
  for (let before = -1; before !== off.size;) {
    before = off.size;
    for (const descriptor of descriptors) {
      for (const entity of entities[descriptor.plural] ?? []) {
        if (isOff(descriptor, entity)) off.add(`${descriptor.plural}/${entity.id}`);
      }
    }
  }
  const part = (wanted: boolean) =>
    Object.fromEntries(
      Object.entries(entities)
        .map(([plural, list]) => [plural, list.filter(({ id }) => off.has(`${plural}/${id}`) === wanted)] as const)
        .filter(([, list]) => list.length > 0),
    );
  return { enabled: part(false), disabled: part(true) };
}
