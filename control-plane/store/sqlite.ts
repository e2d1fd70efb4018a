import type BetterSqlite from 'better-sqlite3';
import { createRequire } from 'node:module';

const modernNodeMajor = 22;

/**
 * The driver of SQLite. better-sqlite3 12 is the last version for Node.js 20, and aborts the process on Node.js 24.19 and
 * newer when a statement is collected (nodejs/node issue 65446). Version 13 needs Node.js 22: npm installs it there, and
 * only there, as the optional package better-sqlite3-node22.
 */
export const Sqlite: typeof BetterSqlite = load();

function load(): typeof BetterSqlite {
  const require = createRequire(import.meta.url);
  const isModern = Number(process.versions.node.split('.')[0]) >= modernNodeMajor;
  const driver: typeof BetterSqlite = require(isModern ? 'better-sqlite3-node22' : 'better-sqlite3');
  return driver;
}
