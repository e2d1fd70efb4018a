import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import { references, type SnapshotEntities, type SnapshotEntity } from '../../shared/snapshot.ts';

/**
 * What of the store travels to nodes: entities that are not switched off (`enabled` false) and do not hang on one that
 * is, at any depth: routes of a disabled service, plugins of those routes. Kinds without entities are left out.
 */
export function enabledEntities(
  entities: SnapshotEntities,
  descriptors: readonly EntityDescriptor[],
): SnapshotEntities {
  const dropped = new Set<string>();
  const kept = new Map<string, readonly SnapshotEntity[]>(Object.entries(entities));
  // Each round follows references one step further; nothing dropped in a round means that all were followed.
  for (let before = -1; before !== dropped.size;) {
    before = dropped.size;
    for (const descriptor of descriptors) {
      const list = kept.get(descriptor.plural) ?? [];
      kept.set(
        descriptor.plural,
        list.filter((entity) => {
          const off =
            entity['enabled'] === false ||
            (dropped.size > 0 &&
              references(entity, descriptor).some(({ plural, id }) => dropped.has(`${plural}/${id}`)));
          if (off) dropped.add(`${descriptor.plural}/${entity.id}`);
          return !off;
        }),
      );
    }
  }
  return Object.fromEntries([...kept].filter(([, list]) => list.length > 0));
}
