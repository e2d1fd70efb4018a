import { entities } from '../shared/entities/entities.ts';
import type { Logger } from '../shared/log.ts';
import { pluginSchemas } from '../shared/plugin-schemas/plugin-schemas.ts';
import { startExpiry } from './expire-entities.ts';
import { refreshEntities } from './refresh-entities.ts';
import { createAuditLog, type AuditLog } from './store/audit-log.ts';
import { lockDatabase } from './store/database-lock.ts';
import { openDatabase, type Database } from './store/database.ts';
import { plainDocuments, sealedDocuments, type Documents } from './store/documents.ts';
import { createEntityStore, type EntityStore } from './store/entity-store.ts';
import { parseKeyring, readKeyringLines } from './store/keyring.ts';
import { WriteHold } from './store/write-hold.ts';

export interface OpenStoreOptions {
  /** SQLite file, created with its folder. */
  readonly path: string;
  /** File with keys, or `env:NAME`; without it secrets are stored in clear text. */
  readonly keyring: string | undefined;
  readonly logger: Logger;
  /** Gets what closes each part, in the order of their start. */
  readonly stops: (() => void | Promise<void>)[];
}

/** The database of a control plane and what works on it. */
export interface OpenStore {
  readonly database: Database;
  readonly audit: AuditLog;
  readonly store: EntityStore;
  readonly hold: WriteHold;
  /** Lines of the keyring that the secrets are under; undefined: they are in clear text. */
  readonly keyring: readonly string[] | undefined;
}

/**
 * Memory for pages of the database: reads of single entities hardly read a page twice, and reading all reads each once,
 * so that the system's cache of the file is enough. Loads of whole files run in threads that have more.
 */
const cacheKib = 4_096;

/** Opens the database as its only owner, and starts what looks after it. */
export function openStore({ path, keyring: setting, logger, stops }: OpenStoreOptions): OpenStore {
  const keyring = setting === undefined ? undefined : readKeyringLines(setting, process.env);
  const documents = documentsOf(keyring, logger);
  stops.push(lockDatabase(path));
  const database = openDatabase({ path, cacheKib });
  stops.push(() => void database.close());
  const audit = createAuditLog({ database, plugins: pluginSchemas });
  const store = createEntityStore({ database, entities, logger, plugins: pluginSchemas, documents, audit });
  refreshEntities({ store, entities, plugins: pluginSchemas, logger });
  const hold = new WriteHold();
  stops.push(startExpiry({ store, hold, logger }));
  return { database, audit, store, hold, keyring };
}

function documentsOf(keyring: readonly string[] | undefined, logger: Logger): Documents {
  if (keyring !== undefined) return sealedDocuments({ keyring: parseKeyring(keyring), plugins: pluginSchemas });
  logger.warn('secrets_in_clear', 'Secrets are stored in clear text: the setting keyring names no keys');
  return plainDocuments;
}
