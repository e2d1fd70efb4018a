import { effectiveDescriptor } from '../../shared/entities/check-entity.ts';
import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import { idReferences, referredPlurals } from '../../shared/schema/id-references.ts';
import type { SnapshotEntity } from '../../shared/snapshot.ts';
import type { EntityReads } from './entity-access.ts';
import { StoreViolation } from './store-errors.ts';

/** The ids of entities that stand as text within others (certificates in the config of a plugin), without a column. */
export interface IdMentions {
  /** Throws StoreViolation when an entity mentions one that is not there. */
  check(entity: EntityDescriptor, value: SnapshotEntity, reads: EntityReads): void;
  /** Returns whether any entity can mention entities of a kind. */
  mayBeMentioned(plural: string): boolean;
  /** Returns whether an entity mentions another one. */
  has(entity: EntityDescriptor, value: SnapshotEntity, plural: string, id: string): boolean;
}

export function idMentions(entities: readonly EntityDescriptor[], plugins: PluginSchemas): IdMentions {
  const records = [
    ...entities.map(({ fields }) => fields),
    ...Object.values(plugins).map(({ config }) => ({ config })),
  ];
  const mentioned = new Set(records.flatMap((fields) => [...referredPlurals(fields)]));
  const of = (entity: EntityDescriptor, value: SnapshotEntity) =>
    idReferences(effectiveDescriptor(entity, plugins, value).fields, value);
  return {
    check(entity, value, reads) {
      for (const { path, plural, id } of of(entity, value)) {
        if (reads.get(plural, id) !== undefined) continue;
        throw new StoreViolation({ kind: 'foreign', field: String(path[0]), wanted: { id }, reference: plural });
      }
    },
    mayBeMentioned: (plural) => mentioned.has(plural),
    has: (entity, value, plural, id) => of(entity, value).some((found) => found.plural === plural && found.id === id),
  };
}
