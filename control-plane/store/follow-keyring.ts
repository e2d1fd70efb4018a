import type { Database } from './database.ts';
import type { Documents } from './documents.ts';
import type { EntityTable } from './entity-table.ts';
import { readMeta, writeMeta } from './meta.ts';

export interface FollowKeyringOptions {
  readonly database: Database;
  readonly tables: Iterable<EntityTable>;
  readonly documents: Documents;
  /** Deletes expired entities, which no table reads any more. */
  readonly purgeExpired: () => void;
}

/**
 * Brings every stored secret under the key that writes now: after a keyring was set, or its first key changed. Then no
 * older key is needed any more, and no trace of the former writing is left in the file. Returns whether there was
 * something to do. Throws when the secrets cannot be read with the keyring.
 */
export function followKeyring({ database, tables, documents, purgeExpired }: FollowKeyringOptions): boolean {
  const stored = readMeta(database, 'keyring');
  const { keyId } = documents;
  if (stored === keyId) return false;
  if (keyId === undefined || (stored !== undefined && !documents.canRead(stored))) {
    throw new Error(
      keyId === undefined
        ? `The secrets in the database are encrypted with key ${stored}: the setting keyring is needed`
        : `The secrets in the database are encrypted with key ${stored}, which the keyring does not hold`,
    );
  }
  // Overwritten and freed pages must not stay readable.
  database.pragma('secure_delete = ON');
  purgeExpired();
  database
    .transaction(() => {
      for (const table of tables) for (const value of table.all()) table.put(value);
      writeMeta(database, 'keyring', keyId);
    })
    .immediate();
  database.exec('VACUUM');
  database.pragma('wal_checkpoint(TRUNCATE)');
  return true;
}
