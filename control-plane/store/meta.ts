import type { Database } from './database.ts';

/** Returns a value that the database keeps about itself, such as its revision; undefined when it has none of the name. */
export function readMeta(database: Database, name: string): string | undefined {
  const row = database.prepare<[string], { value: unknown }>('SELECT value FROM meta WHERE name = ?').get(name);
  return row === undefined ? undefined : String(row.value);
}

/** Writes a value that the database keeps about itself. */
export function writeMeta(database: Database, name: string, value: string): void {
  database.prepare('INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)').run(name, value);
}

/** Returns a value that the database keeps for its whole life: the first caller's, whoever that was. */
export function keepMeta(database: Database, name: string, make: () => string): string {
  const known = readMeta(database, name);
  if (known !== undefined) return known;
  database.prepare('INSERT OR IGNORE INTO meta (name, value) VALUES (?, ?)').run(name, make());
  const kept = readMeta(database, name);
  if (kept === undefined) throw new Error(`The database keeps no ${name}`);
  return kept;
}
