import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import type { Database } from './database.ts';
import type { Documents } from './documents.ts';
import type { EntityReads } from './entity-access.ts';
import { entityTable, type EntityTable } from './entity-table.ts';

/** The tables of all entities, by plural name. */
export interface EntityTables {
  readonly byName: ReadonlyMap<string, EntityTable>;
  /** Throws when there is no such table: names are our own. */
  of(entity: string): EntityTable;
}

/** Prepares the tables of all entities. */
export function entityTables(options: {
  readonly database: Database;
  readonly entities: readonly EntityDescriptor[];
  readonly documents: Documents;
}): EntityTables {
  const { database, entities, documents } = options;
  const known = new Set(entities.map(({ plural }) => plural));
  const byName = new Map(
    entities.map((entity) => [entity.plural, entityTable({ database, entity, known, documents })]),
  );
  return {
    byName,
    of(entity) {
      const table = byName.get(entity);
      if (table === undefined) throw new Error(`There is no table of ${entity}`);
      return table;
    },
  };
}

/** Returns the reads of single entities. */
export function entityReads(tables: EntityTables): EntityReads {
  return {
    get: (entity, id) => tables.of(entity).byId(id),
    find: (entity, value, field) => tables.of(entity).byUnique(field ?? tables.of(entity).entity.key, value),
    findTogether: (entity, values) => tables.of(entity).byTogether(values),
    referring: (entity, field, ids) => tables.of(entity).referringAny(field, ids),
  };
}
