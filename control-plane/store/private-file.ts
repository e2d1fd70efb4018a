import { closeSync, fchmodSync, fstatSync, openSync, readSync } from 'node:fs';

/** The first bytes of every SQLite file that is not empty. */
const databaseHead = Buffer.from('SQLite format 3\0');

/**
 * Creates a database file, or takes it as it is, so that only its owner can read it: mode 0600 before the first byte. A
 * file that is no database is left as it is: its path was most likely a mistake, and SQLite refuses it. Returns whether
 * the file is a database or empty.
 */
export function createPrivateFile(path: string): boolean {
  const file = openSync(path, 'a+', 0o600);
  try {
    const isOurs = isDatabase(file);
    if (isOurs) fchmodSync(file, 0o600);
    return isOurs;
  } finally {
    closeSync(file);
  }
}

function isDatabase(file: number): boolean {
  if (fstatSync(file).size === 0) return true;
  const head = Buffer.alloc(databaseHead.length);
  readSync(file, head, 0, head.length, 0);
  return head.equals(databaseHead);
}
