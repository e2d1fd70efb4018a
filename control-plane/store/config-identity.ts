import type { Database } from './database.ts';
import { readMeta } from './meta.ts';

/** The name in the table `meta`; a migration gives every database one, new or old. */
const metaName = 'config_identity';

/**
 * Returns the identity of the configuration in a database: a UUID that lasts as long as the database and that its copies
 * share. A node that runs a configuration of another identity does not follow this one unasked.
 */
export function configIdentity(database: Database): string {
  const identity = readMeta(database, metaName);
  if (identity === undefined) throw new Error('The database has no identity of its configuration');
  return identity;
}
