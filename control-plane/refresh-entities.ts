import { checkEntity } from '../shared/entities/check-entity.ts';
import type { EntityDescriptor } from '../shared/entities/entity.ts';
import type { Logger } from '../shared/log.ts';
import type { PluginSchemas } from '../shared/plugin-schemas/plugin-schema.ts';
import { dottedPath } from '../shared/schema/faults.ts';
import type { SnapshotEntity } from '../shared/snapshot.ts';
import type { EntityStore } from './store/entity-store.ts';

export interface RefreshOptions {
  readonly store: EntityStore;
  readonly entities: readonly EntityDescriptor[];
  readonly plugins: PluginSchemas;
  readonly logger: Logger;
}

/**
 * Brings entities that an older version stored to today's schemas, so that all readers see every field: newer fields get
 * their defaults. An entity that no longer fits stays as it is and is logged; the nodes will reject it.
 */
export function refreshEntities({ store, entities, plugins, logger }: RefreshOptions): void {
  const descriptors = new Map(entities.map((entity) => [entity.plural, entity]));
  const changed: { readonly plural: string; readonly value: SnapshotEntity }[] = [];
  for (const { plural, list } of store.readPieces()) {
    const entity = descriptors.get(plural);
    if (entity === undefined) continue;
    for (const value of list) {
      const checked = checkEntity({ entity, plugins, input: value });
      if (checked.kind === 'faults') {
        logger.warn('entity_outdated', `A stored ${entity.name} does not fit this version's schema`, {
          entity: entity.name,
          id: value.id,
          fields: checked.faults.map(({ path }) => dottedPath(path)),
        });
      } else if (JSON.stringify(checked.value) !== JSON.stringify(value)) {
        changed.push({ plural, value: { ...checked.value, id: value.id } });
      }
    }
  }
  if (changed.length === 0) return;
  store.write((writes) => {
    for (const { plural, value } of changed) writes.put(plural, value);
  });
  logger.info('entities_refreshed', 'Stored entities were brought to the schemas of this version', {
    count: changed.length,
  });
}
