import type { Database } from './database.ts';
import { quoteName, type EntityColumns, type TogetherColumn } from './entity-columns.ts';

export interface DocumentRow {
  readonly document: string;
}

interface IdRow {
  readonly id: string;
}

/** The condition of rows that can be read. The clock of SQLite is the machine's, which also made the times. */
export const notExpired = '(expires_at IS NULL OR expires_at > unixepoch())';

/** Entities that one statement reads where the caller lets others run in between: some milliseconds of work. */
export const pieceSize = 500;

/** The prepared statements of one entity's table. */
export type EntityStatements = ReturnType<typeof entityStatements>;

/** Prepares the statements of one entity's table. */
export function entityStatements(database: Database, columns: EntityColumns) {
  return { ...readStatements(database, columns), ...writeStatements(database, columns) };
}

function readStatements(database: Database, { table, unique, together, foreign, expires }: EntityColumns) {
  const select = `SELECT document FROM ${table} WHERE ${expires ? notExpired : 'TRUE'}`;
  const documents = (condition: string) => database.prepare<[string], DocumentRow>(`${select} AND ${condition}`);
  const ids = (condition: string) => database.prepare<unknown[], IdRow>(`SELECT id FROM ${table} WHERE ${condition}`);
  return {
    byId: documents('id = ?'),
    /** Reads expired entities too. */
    stored: database.prepare<[string], DocumentRow>(`SELECT document FROM ${table} WHERE id = ?`),
    byUnique: new Map(unique.map((name) => [name, documents(`${quoteName(name)} = ?`)])),
    /** Finds the entity, other than the one with the first value as its id, that has the values of such a set. */
    together: together.map((fields) => ({
      fields,
      find: ids(`id <> ? AND ${fields.map(isEqual).join(' AND ')}`),
    })),
    all: database.prepare<[], DocumentRow>(`${select} ORDER BY id`),
    piece: documents(`id > ? ORDER BY id LIMIT ${pieceSize}`),
    expired: expires ? ids('expires_at <= unixepoch() ORDER BY expires_at') : undefined,
    mentioning: documents('instr(document, ?) > 0'),
    referring: new Map(foreign.map(({ column }) => [column, ids(`${quoteName(column)} = ? ORDER BY id`)])),
    referringAny: new Map(
      foreign.map(({ field, column }) => [
        field,
        documents(`${quoteName(column)} IN (SELECT value FROM json_each(?))`),
      ]),
    ),
  };
}

function writeStatements(database: Database, { table, names }: EntityColumns) {
  const updates = names.slice(1).map((name) => `${quoteName(name)} = excluded.${quoteName(name)}`);
  return {
    put: database.prepare(
      `INSERT INTO ${table} (${names.map(quoteName).join(', ')}) VALUES (${names.map(() => '?').join(', ')})
       ON CONFLICT (id) DO UPDATE SET ${updates.join(', ')}`,
    ),
    remove: database.prepare<[string]>(`DELETE FROM ${table} WHERE id = ?`),
  };
}

/** Compares as the index over fields that are unique together does, where nulls are equal: else it would not be used. */
function isEqual({ column, isForeign }: TogetherColumn): string {
  const name = quoteName(column);
  return isForeign ? `ifnull(${name}, '') = ifnull(?, '')` : `${name} = ?`;
}
