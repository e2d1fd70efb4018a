import { isRecord } from '../../shared/schema/is-record.ts';
import type { SnapshotEntity } from '../../shared/snapshot.ts';
import type { EntityChange } from './config-reader.ts';
import type { Database } from './database.ts';
import type { EntityReads, EntityWrites, StagedExchange } from './entity-access.ts';
import type { EntityTable } from './entity-table.ts';
import type { EntityTables } from './entity-tables.ts';
import type { IdMentions } from './id-mentions.ts';
import { StoreViolation } from './store-errors.ts';

export interface EntityWritesDeps {
  readonly database: Database;
  readonly tables: EntityTables;
  readonly reads: EntityReads;
  readonly mentions: IdMentions;
  /** Called for each change, in order, with the entity as it was before. */
  readonly onWrite: (change: EntityChange, before: SnapshotEntity | undefined) => void;
  readonly exchange: (staged: StagedExchange) => void;
}

/** Returns the writes of one transaction, which the caller opens. */
export function entityWrites(deps: EntityWritesDeps): EntityWrites {
  const { tables, reads, exchange } = deps;
  const tags = tagWriter(deps.database);
  const put = (entity: string, value: SnapshotEntity) => putEntity(deps, tags, entity, value);
  const purge = (table: EntityTable): void => {
    for (const id of table.expiredIds()) removeEntity(deps, tags, table.entity.plural, id);
  };
  return {
    ...reads,
    put(entity, value) {
      // An expired entity must not keep its key from being used again.
      purge(tables.of(entity));
      return put(entity, value);
    },
    insert(entity, value) {
      if (tables.of(entity).byId(value.id) !== undefined) {
        throw new StoreViolation({ kind: 'unique', values: { id: value.id } });
      }
      purge(tables.of(entity));
      return put(entity, value);
    },
    delete: (entity, id) => removeEntity(deps, tags, entity, id),
    purgeExpired() {
      for (const table of tables.byName.values()) purge(table);
    },
    exchange(staged) {
      for (const table of tables.byName.values()) purge(table);
      exchange(staged);
    },
  };
}

interface TagWriter {
  replace(entity: string, value: SnapshotEntity): void;
  remove(entity: string, id: string): void;
}

function tagWriter(database: Database): TagWriter {
  const untag = database.prepare<[string, string]>('DELETE FROM entity_tags WHERE entity = ? AND id = ?');
  const tag = database.prepare<[string, string, string]>('INSERT INTO entity_tags (entity, id, tag) VALUES (?, ?, ?)');
  return {
    replace(entity, { id, tags }) {
      untag.run(entity, id);
      if (Array.isArray(tags)) for (const word of new Set(tags.map(String))) tag.run(entity, id, word);
    },
    remove: (entity, id) => void untag.run(entity, id),
  };
}

function putEntity(
  { tables, reads, mentions, onWrite }: EntityWritesDeps,
  tags: TagWriter,
  entity: string,
  given: SnapshotEntity,
): SnapshotEntity {
  const table = tables.of(entity);
  const value = resolveReferences(table, given, reads, tables);
  mentions.check(table.entity, value, reads);
  const before = table.byId(value.id);
  table.checkUnique(value);
  table.put(value);
  tags.replace(entity, value);
  onWrite({ plural: entity, id: value.id, entity: value }, before);
  return value;
}

function removeEntity(deps: EntityWritesDeps, tags: TagWriter, entity: string, id: string): boolean {
  const { tables, mentions, onWrite } = deps;
  const table = tables.of(entity);
  const before = table.stored(id);
  if (before === undefined) return false;
  for (const [plural, child] of tables.byName) {
    for (const foreign of child.foreign) {
      if (foreign.reference !== entity) continue;
      const referring = child.referring(foreign, id);
      if (referring.length > 0 && !foreign.cascade) {
        throw new StoreViolation({ kind: 'referenced', entity, by: plural });
      }
      for (const childId of referring) removeEntity(deps, tags, plural, childId);
    }
  }
  if (mentions.mayBeMentioned(entity)) {
    for (const [by, other] of tables.byName) {
      if (other.mentioning(id).some((value) => mentions.has(other.entity, value, entity, id))) {
        throw new StoreViolation({ kind: 'referenced', entity, by });
      }
    }
  }
  table.remove(id);
  tags.remove(entity, id);
  onWrite({ plural: entity, id, entity: undefined }, before);
  return true;
}

/** Turns references into `{ id }`. Throws StoreViolation when one names an entity that does not exist. */
function resolveReferences(
  table: EntityTable,
  value: SnapshotEntity,
  reads: EntityReads,
  tables: EntityTables,
): SnapshotEntity {
  const resolved: Record<string, unknown> = {};
  for (const [field, { type, reference }] of Object.entries(table.entity.fields)) {
    const wanted = value[field];
    if (type !== 'foreign' || reference === undefined || !isRecord(wanted)) continue;
    const { id, name } = wanted;
    const found = !tables.byName.has(reference)
      ? undefined
      : typeof id === 'string'
        ? reads.get(reference, id)
        : reads.find(reference, String(name));
    if (found === undefined) throw new StoreViolation({ kind: 'foreign', field, wanted, reference });
    resolved[field] = { id: found.id };
  }
  return { ...value, ...resolved };
}
