import type BetterSqlite from 'better-sqlite3';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { migrations as ourMigrations } from './migrations.ts';
import { createPrivateFile } from './private-file.ts';
import { Sqlite } from './sqlite.ts';

export type Database = BetterSqlite.Database;

export interface DatabaseOptions {
  /** File, created with its folder, or `:memory:`. */
  readonly path: string;
  readonly migrations?: readonly string[];
  /** Memory for pages of the file; the driver's 16 MB by default. */
  readonly cacheKib?: number;
}

const busyTimeoutMs = 5_000;

/**
 * Opens the database and brings it to the newest version. Throws when it cannot be opened, or when a newer Sluice wrote
 * it. What is committed survives a crash of the process and of the machine (`synchronous=FULL`).
 */
export function openDatabase({ path, migrations = ourMigrations, cacheKib }: DatabaseOptions): Database {
  if (path !== ':memory:') createFile(path);
  const database = new Sqlite(path, { timeout: busyTimeoutMs });
  try {
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.pragma('foreign_keys = ON');
    if (cacheKib !== undefined) database.pragma(`cache_size = -${cacheKib}`);
    migrate(database, migrations, path);
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

/** Creates the file and its folder. The file may hold secrets; SQLite gives its journals the mode of the file. */
function createFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  createPrivateFile(path);
}

function migrate(database: Database, migrations: readonly string[], path: string): void {
  const version = (): number => Number(database.pragma('user_version', { simple: true }));
  if (version() > migrations.length) {
    throw new Error(
      `The database ${path} has version ${version()}, this Sluice knows up to ${migrations.length}: it was written by a newer one`,
    );
  }
  for (const [index, step] of migrations.entries()) {
    // The version is read again inside the transaction: another process may be migrating the same file.
    database
      .transaction(() => {
        if (version() > index) return;
        database.exec(step);
        database.pragma(`user_version = ${index + 1}`);
      })
      .immediate();
  }
}
