import type BetterSqlite from 'better-sqlite3';
import { mkdirSync, realpathSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { createPrivateFile } from './private-file.ts';
import { Sqlite } from './sqlite.ts';

/** The time that a starting process waits for another one that only reads the owner. */
const busyTimeoutMs = 1_000;

/**
 * Makes this process the only control plane on a database file, until the returned function is called or the process
 * ends, however it ends. Throws an Error that names the process that has the file.
 *
 * The lock is SQLite's own, on a second file beside the database: the operating system frees it when the process is
 * killed, and the database itself stays open to the threads and tools that write to it for this process. An open
 * transaction holds the lock; a committed row, which others may read meanwhile, says who holds it.
 */
export function lockDatabase(path: string): () => void {
  if (path === ':memory:') return () => undefined;
  mkdirSync(dirname(path), { recursive: true });
  // SQLite refuses any other file when it opens it: a lock beside it would only be left lying there.
  if (!createPrivateFile(path)) return () => undefined;
  // One file has one lock, whatever link it is opened by.
  const file = `${realpathSync(path)}.lock`;
  createPrivateFile(file);
  const lock = new Sqlite(file, { timeout: busyTimeoutMs });
  try {
    take(lock, path);
  } catch (error) {
    lock.close();
    throw error;
  }
  return () => void lock.close();
}

function take(lock: BetterSqlite.Database, path: string): void {
  const us = `process ${process.pid} on ${hostname()}, started at ${new Date(Date.now() - performance.now()).toISOString()}`;
  begin(lock, path);
  lock.exec('CREATE TABLE IF NOT EXISTS owner (number INTEGER PRIMARY KEY, text TEXT NOT NULL)');
  lock.prepare('INSERT OR REPLACE INTO owner (number, text) VALUES (1, ?)').run(us);
  lock.exec('COMMIT');
  begin(lock, path);
  // Another process may have had its turn between the two transactions: then it is the owner.
  if (ownerOf(lock) !== us) throw inUse(lock, path);
}

function begin(lock: BetterSqlite.Database, path: string): void {
  try {
    lock.exec('BEGIN IMMEDIATE');
  } catch (error) {
    if (error instanceof Sqlite.SqliteError && error.code.startsWith('SQLITE_BUSY')) throw inUse(lock, path);
    throw error;
  }
}

function ownerOf(lock: BetterSqlite.Database): string {
  const row = lock.prepare<[], { text: string }>('SELECT text FROM owner WHERE number = 1').get();
  return row?.text ?? 'a process that is starting';
}

function inUse(lock: BetterSqlite.Database, path: string): Error {
  return new Error(
    `database: ${path} is in use by another control plane (${ownerOf(lock)}); stop that one, or give this one a database of its own`,
  );
}
