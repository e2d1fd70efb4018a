import { randomBytes, randomUUID } from 'node:crypto';
import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import { type Logger, stackOf } from '../../shared/log.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import { isRecord } from '../../shared/schema/check.ts';
import type { SnapshotEntities, SnapshotEntity } from '../../shared/snapshot.ts';
import type { AuditLog } from './audit-log.ts';
import type { ConfigReader, EntityChange } from './config-reader.ts';
import type { Database } from './database.ts';
import { plainDocuments, type Documents } from './documents.ts';
import { idMentions, type IdMentions } from './id-mentions.ts';
import { entityTable, type EntityTable } from './entity-table.ts';
import { followKeyring } from './follow-keyring.ts';
import { selectPage, selectTags, type Page, type PageQuery, type TagQuery, type TagUse } from './page.ts';
import { stageExchange, type StagedExchange } from './staged-exchange.ts';
import { StoreViolation } from './store-errors.ts';

/** Reads of entities; `entity` is always a plural name. */
export interface EntityReads {
  get(entity: string, id: string): SnapshotEntity | undefined;
  /** By a unique field, the entity's key unless another is named. */
  find(entity: string, value: string, field?: string): SnapshotEntity | undefined;
  /** By fields that are unique together: words, and ids of references. */
  findTogether(entity: string, values: Readonly<Record<string, string>>): SnapshotEntity | undefined;
  /** The entities whose reference has one of these ids. */
  referring(entity: string, field: string, ids: readonly string[]): SnapshotEntity[];
}

/** What one write transaction may do. Everything throws StoreViolation where uniqueness or a reference forbids it. */
export interface EntityWrites extends EntityReads {
  insert(entity: string, value: SnapshotEntity): SnapshotEntity;
  /** Inserts, or replaces the entity with the same id. */
  put(entity: string, value: SnapshotEntity): SnapshotEntity;
  /** Deletes what cascades from it as well. False when there is no such entity. */
  delete(entity: string, id: string): boolean;
  /** Deletes what has expired; it is not seen any more in any case. */
  purgeExpired(): void;
  /**
   * Removes entities and adds others without a look at each: all must be checked, and what is there afterwards must fit
   * together. For loads of whole configurations. Listeners are told no more than that something changed.
   */
  exchange(staged: StagedExchange): void;
}

export interface EntityStore extends EntityReads, ConfigReader {
  /** Identifier of this control plane, made with the database. */
  nodeId(): string;
  /** The revision, told apart from the same one of another history: after an older database was brought back. */
  version(): string;
  /** One transaction: all or nothing, and a new revision when something changed. */
  write<T>(work: (writes: EntityWrites) => T): {
    readonly value: T;
    readonly revision: number;
    readonly version: string;
  };
  /** The names of all plugins in use, each once, in order. */
  pluginNames(): string[];
  /** Whether there is something for `purgeExpired`. */
  hasExpired(): boolean;
  /** For an `exchange`. */
  stage(): StagedExchange;
  /** All entities, disabled ones too, with the revision that they belong to; one read transaction. */
  readAll(): { readonly revision: number; readonly version: string; readonly entities: SnapshotEntities };
  page(query: PageQuery): Page<SnapshotEntity>;
  tags(query: TagQuery): Page<TagUse> & { readonly last?: TagUse };
  /** Tells the listeners of a change that another connection to the same database has committed. */
  changedElsewhere(): void;
}

export interface EntityStoreOptions {
  readonly database: Database;
  readonly entities: readonly EntityDescriptor[];
  readonly logger: Logger;
  /** Their schemas say which of their fields hold ids of entities. */
  readonly plugins?: PluginSchemas;
  /** How entities are written; in the clear by default. */
  readonly documents?: Documents;
  /** Gets every change, in its transaction. */
  readonly audit?: AuditLog;
}

/** The configuration in SQLite, generic over the descriptors. */
export function createEntityStore(options: EntityStoreOptions): EntityStore {
  const { database, entities, logger, plugins = {}, documents = plainDocuments, audit } = options;
  const known = new Set(entities.map(({ plural }) => plural));
  const tables = new Map(
    entities.map((entity) => [entity.plural, entityTable({ database, entity, known, documents })]),
  );
  const mentions = idMentions(entities, plugins);
  const listeners = new Set<Parameters<ConfigReader['onChange']>[0]>();
  const readRevision = database.prepare<[], { value: number }>("SELECT value FROM meta WHERE name = 'revision'");
  const readTag = database.prepare<[], { value: string }>("SELECT value FROM meta WHERE name = 'revision_tag'");
  const bumpRevision = database.prepare<[]>("UPDATE meta SET value = value + 1 WHERE name = 'revision'");
  const newTag = database.prepare<[string]>("INSERT OR REPLACE INTO meta (name, value) VALUES ('revision_tag', ?)");
  const selectPluginNames = database.prepare<[], { name: string }>('SELECT DISTINCT name FROM plugins ORDER BY name');
  const revision = () => readRevision.get()?.value ?? 0;
  const version = () => `${revision()}-${readTag.get()?.value ?? 'new'}`;

  function tableOf(entity: string): EntityTable {
    const table = tables.get(entity);
    if (table === undefined) throw new Error(`There is no table of ${entity}`);
    return table;
  }

  const reads: EntityReads = {
    get: (entity, id) => tableOf(entity).byId(id),
    find: (entity, value, field) => tableOf(entity).byUnique(field ?? tableOf(entity).entity.key, value),
    findTogether: (entity, values) => tableOf(entity).byTogether(values),
    referring: (entity, field, ids) => tableOf(entity).referringAny(field, ids),
  };

  function notify(newRevision: number, changes: readonly EntityChange[] | undefined): void {
    for (const listener of listeners) {
      try {
        listener(newRevision, changes);
      } catch (error) {
        // The write is committed and its answer must say so, whatever a listener does.
        logger.error('internal_error', 'A listener of configuration changes failed', {
          error: stackOf(error),
        });
      }
    }
  }

  const store: EntityStore = {
    ...reads,
    nodeId: nodeIdOf(database),
    revision,
    version,
    page: (query) => selectPage(database, tableOf(query.entity), query),
    tags: (query) => selectTags(database, tables.values(), query),
    pluginNames: () => selectPluginNames.all().map(({ name }) => name),
    hasExpired: () => [...tables.values()].some((table) => table.expiredIds().length > 0),
    stage: () => stageExchange({ database, tables, audit }),
    write(work) {
      const changes: EntityChange[] = [];
      let isExchange = false;
      const onWrite: WriteDeps['onWrite'] = (change, before) => {
        changes.push(change);
        const { entity } = tableOf(change.plural);
        audit?.record({ entity, before, after: change.entity, revision: revision() + 1 });
      };
      const writes = entityWrites({
        database,
        tables,
        reads,
        mentions,
        onWrite,
        exchange(staged) {
          isExchange = staged.apply(revision() + 1) || isExchange;
        },
      });
      const result = database
        .transaction(() => {
          const value = work(writes);
          if (isExchange || changes.length > 0) {
            bumpRevision.run();
            newTag.run(randomBytes(8).toString('hex'));
            audit?.prune();
          }
          return { value, revision: revision(), version: version() };
        })
        .immediate();
      if (isExchange) notify(result.revision, undefined);
      else if (changes.length > 0) notify(result.revision, changes);
      return result;
    },
    *readPieces() {
      for (const [plural, table] of tables) for (const list of table.pieces()) yield { plural, list };
    },
    readAll: () =>
      database.transaction(() => {
        const all: Record<string, readonly SnapshotEntity[]> = {};
        for (const [plural, table] of tables) all[plural] = table.all();
        const value: SnapshotEntities = all;
        return { revision: revision(), version: version(), entities: value };
      })(),
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    changedElsewhere: () => notify(revision(), undefined),
  };
  const purgeExpired = () => void store.write((writes) => writes.purgeExpired());
  if (followKeyring({ database, tables: tables.values(), documents, purgeExpired })) {
    logger.info('secrets_encrypted', 'The stored secrets were encrypted with the first key of the keyring', {
      key: documents.keyId,
    });
  }
  return store;
}

function nodeIdOf(database: Database): () => string {
  database.prepare("INSERT OR IGNORE INTO meta (name, value) VALUES ('node_id', ?)").run(randomUUID());
  const row = database.prepare<[], { value: string }>("SELECT value FROM meta WHERE name = 'node_id'").get();
  const id = row?.value ?? '';
  return () => id;
}

interface WriteDeps {
  readonly database: Database;
  readonly tables: ReadonlyMap<string, EntityTable>;
  readonly reads: EntityReads;
  readonly mentions: IdMentions;
  readonly onWrite: (change: EntityChange, before: SnapshotEntity | undefined) => void;
  readonly exchange: (staged: StagedExchange) => void;
}

function entityWrites({ database, tables, reads, mentions, onWrite, exchange }: WriteDeps): EntityWrites {
  const untag = database.prepare<[string, string]>('DELETE FROM entity_tags WHERE entity = ? AND id = ?');
  const tag = database.prepare<[string, string, string]>('INSERT INTO entity_tags (entity, id, tag) VALUES (?, ?, ?)');

  function tableOf(entity: string): EntityTable {
    const table = tables.get(entity);
    if (table === undefined) throw new Error(`There is no table of ${entity}`);
    return table;
  }

  function put(entity: string, given: SnapshotEntity): SnapshotEntity {
    const table = tableOf(entity);
    const value = resolveReferences(table, given, reads, tables);
    mentions.check(table.entity, value, reads);
    // An expired one must not keep its key from being used again.
    purge(table);
    const before = table.byId(value.id);
    table.checkUnique(value);
    table.put(value);
    untag.run(entity, value.id);
    const { id, tags } = value;
    if (Array.isArray(tags)) for (const word of new Set(tags.map(String))) tag.run(entity, id, word);
    onWrite({ plural: entity, id, entity: value }, before);
    return value;
  }

  function remove(entity: string, id: string): boolean {
    const table = tableOf(entity);
    const before = table.stored(id);
    if (before === undefined) return false;
    for (const [plural, child] of tables) {
      for (const foreign of child.foreign) {
        if (foreign.reference !== entity) continue;
        const referring = child.referring(foreign, id);
        if (referring.length > 0 && !foreign.cascade) {
          throw new StoreViolation({ kind: 'referenced', entity, by: plural });
        }
        for (const childId of referring) remove(plural, childId);
      }
    }
    if (mentions.mayBeMentioned(entity)) {
      for (const [by, other] of tables) {
        if (other.mentioning(id).some((value) => mentions.has(other.entity, value, entity, id))) {
          throw new StoreViolation({ kind: 'referenced', entity, by });
        }
      }
    }
    table.remove(id);
    untag.run(entity, id);
    onWrite({ plural: entity, id, entity: undefined }, before);
    return true;
  }

  function purge(table: EntityTable): void {
    for (const id of table.expiredIds()) remove(table.entity.plural, id);
  }

  return {
    ...reads,
    put,
    purgeExpired() {
      for (const table of tables.values()) purge(table);
    },
    insert(entity, value) {
      if (tableOf(entity).byId(value.id) !== undefined) {
        throw new StoreViolation({ kind: 'unique', values: { id: value.id } });
      }
      return put(entity, value);
    },
    delete: remove,
    exchange(staged) {
      for (const table of tables.values()) purge(table);
      exchange(staged);
    },
  };
}

/** References become `{ id }`; one to an entity that does not exist is a violation. */
function resolveReferences(
  table: EntityTable,
  value: SnapshotEntity,
  reads: EntityReads,
  tables: ReadonlyMap<string, EntityTable>,
): SnapshotEntity {
  const resolved: Record<string, unknown> = {};
  for (const [field, { type, reference }] of Object.entries(table.entity.fields)) {
    const wanted = value[field];
    if (type !== 'foreign' || reference === undefined || !isRecord(wanted)) continue;
    const { id, name } = wanted;
    const found = !tables.has(reference)
      ? undefined
      : typeof id === 'string'
        ? reads.get(reference, id)
        : reads.find(reference, String(name));
    if (found === undefined) throw new StoreViolation({ kind: 'foreign', field, wanted, reference });
    resolved[field] = { id: found.id };
  }
  return { ...value, ...resolved };
}
