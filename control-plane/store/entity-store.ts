import { randomUUID } from 'node:crypto';
import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import type { Logger } from '../../shared/log.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import type { SnapshotEntity } from '../../shared/snapshot.ts';
import type { AuditLog } from './audit-log.ts';
import { changeListeners } from './change-listeners.ts';
import type { ConfigReader } from './config-reader.ts';
import { configRevision } from './config-revision.ts';
import type { Database } from './database.ts';
import { plainDocuments, type Documents } from './documents.ts';
import type { EntityReads, EntityWrites, StagedExchange } from './entity-access.ts';
import { entityReads, entityTables } from './entity-tables.ts';
import { followKeyring } from './follow-keyring.ts';
import { idMentions } from './id-mentions.ts';
import { keepMeta } from './meta.ts';
import { selectPage, selectTags, type Page, type PageQuery, type TagQuery, type TagUse } from './page.ts';
import { stageExchange } from './staged-exchange.ts';
import { readInTransaction, writeInTransaction, type WholeStore, type Written } from './store-transactions.ts';

export interface EntityStore extends EntityReads, ConfigReader {
  /** Returns the identifier of this control plane, made with the database. */
  nodeId(): string;
  /** Returns the revision, told apart from the same one of another history: after an older database was restored. */
  version(): string;
  /** Runs one transaction: all or nothing, and a new revision when something changed. */
  write<T>(work: (writes: EntityWrites) => T): Written<T>;
  /** Returns the names of all plugins in use, each once, in order. */
  pluginNames(): string[];
  /** Returns whether `purgeExpired` would delete something. */
  hasExpired(): boolean;
  /** Returns the changes of an `exchange`, at first none. */
  stage(): StagedExchange;
  /** Reads all entities, disabled ones too, with the revision that they belong to, in one transaction. */
  readAll(): WholeStore;
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
  /** How entities are written; in clear text by default. */
  readonly documents?: Documents;
  /** Gets every change, in its transaction. */
  readonly audit?: AuditLog;
}

/** Opens the configuration in SQLite, generic over the descriptors. */
export function createEntityStore(options: EntityStoreOptions): EntityStore {
  const { database, entities, logger, plugins = {}, documents = plainDocuments, audit } = options;
  const tables = entityTables({ database, entities, documents });
  const reads = entityReads(tables);
  const revision = configRevision(database);
  const listeners = changeListeners(logger);
  const parts = { database, tables, reads, revision, mentions: idMentions(entities, plugins), listeners, audit };
  const nodeId = keepMeta(database, 'node_id', randomUUID);
  const pluginNames = database.prepare<[], { name: string }>('SELECT DISTINCT name FROM plugins ORDER BY name');
  const store: EntityStore = {
    ...reads,
    nodeId: () => nodeId,
    revision: () => revision.current(),
    version: () => revision.version(),
    page: (query) => selectPage(database, tables.of(query.entity), query),
    tags: (query) => selectTags(database, tables.byName.values(), query),
    pluginNames: () => pluginNames.all().map(({ name }) => name),
    hasExpired: () => [...tables.byName.values()].some((table) => table.expiredIds().length > 0),
    stage: () => stageExchange({ database, tables, audit }),
    write: (work) => writeInTransaction(parts, work),
    *readPieces() {
      for (const [plural, table] of tables.byName) for (const list of table.pieces()) yield { plural, list };
    },
    readAll: () => readInTransaction(parts),
    onChange: listeners.onChange,
    changedElsewhere: () => listeners.notify(revision.current(), undefined),
  };
  const purgeExpired = () => void store.write((writes) => writes.purgeExpired());
  if (followKeyring({ database, tables: tables.byName.values(), documents, purgeExpired })) {
    logger.info('secrets_encrypted', 'The stored secrets were encrypted with the first key of the keyring', {
      key: documents.keyId,
    });
  }
  return store;
}
