import type { Database } from './database.ts';
import { readMeta } from './meta.ts';

/** The name in the table `meta`; a migration gives every database one. */
const metaName = 'mask_key';

/** Returns the random key under which secrets are hashed for readers who may not see them. */
export function maskKey(database: Database): Buffer {
  const key = readMeta(database, metaName);
  if (key === undefined) throw new Error('The database has no key for masks');
  return Buffer.from(key, 'hex');
}
