import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import { expiryField } from '../../shared/entities/expiry.ts';
import { isRecord } from '../../shared/schema/check.ts';
import { maskedText } from '../../shared/schema/mask.ts';
import type { SnapshotEntity } from '../../shared/snapshot.ts';
import type { Database } from './database.ts';
import type { Documents } from './documents.ts';
import { StoreViolation } from './store-errors.ts';

export interface ForeignColumn {
  readonly field: string;
  readonly column: string;
  /** Plural name of the referenced entity. */
  readonly reference: string;
  readonly cascade: boolean;
}

/** Prepared statements and column names of one entity's table; all follow from the descriptor. */
export interface EntityTable {
  readonly entity: EntityDescriptor;
  readonly foreign: readonly ForeignColumn[];
  readonly unique: readonly string[];
  readonly columns: readonly string[];
  /** What stands in the columns for an entity. */
  row(entity: SnapshotEntity): unknown[];
  /** Whether entities expire; an expired one is never read. */
  readonly expires: boolean;
  byId(id: string): SnapshotEntity | undefined;
  /** By a field that is unique. */
  byUnique(field: string, value: string): SnapshotEntity | undefined;
  /** By the values of fields that are unique together: the words or the ids that they hold. */
  byTogether(values: Readonly<Record<string, string>>): SnapshotEntity | undefined;
  /** By id, expired or not: for its removal. */
  stored(id: string): SnapshotEntity | undefined;
  expiredIds(): string[];
  all(): SnapshotEntity[];
  /** All in order of id, some at a time, each part read when it is asked for. */
  pieces(): Iterable<readonly SnapshotEntity[]>;
  /** The entity of a row with its column `document`. */
  read(row: DocumentRow): SnapshotEntity;
  /** What stands for a unique field's value in its column. */
  column(field: string, value: string): string;
  /** Those whose document holds a text anywhere: a first choice among many, to be looked at closer. */
  mentioning(text: string): SnapshotEntity[];
  /** Throws StoreViolation when a unique field, or fields unique together, are taken by another entity. */
  checkUnique(entity: SnapshotEntity): void;
  put(entity: SnapshotEntity): void;
  remove(id: string): void;
  /** Ids of the entities whose foreign field refers to an id. */
  referring(foreign: ForeignColumn, id: string): string[];
  /** The entities whose foreign field refers to one of the ids. */
  referringAny(field: string, ids: readonly string[]): SnapshotEntity[];
}

export interface DocumentRow {
  readonly document: string;
}

/** The database's clock is the machine's, as is the clock that made the times. */
export const notExpired = '(expires_at IS NULL OR expires_at > unixepoch())';

/** Names come from our own descriptors, never from a request; still nothing but a name may stand in a statement. */
export function quoteName(name: string): string {
  if (!/^[a-z_]+$/.test(name)) throw new Error(`Not a name of a table or column: ${name}`);
  return `"${name}"`;
}

/** Entities read in one go by those who leave others their turn: some milliseconds. */
const pieceSize = 500;

export interface EntityTableOptions {
  readonly database: Database;
  readonly entity: EntityDescriptor;
  /** Plural names of the entities that have tables: references to others stay in the document only. */
  readonly known: ReadonlySet<string>;
  readonly documents: Documents;
}

export function entityTable({ database, entity, known, documents }: EntityTableOptions): EntityTable {
  const table = quoteName(entity.plural);
  const foreign = foreignColumns(entity, known);
  const unique = Object.entries(entity.fields).flatMap(([name, field]) => (field.unique === true ? [name] : []));
  const together = (entity.uniqueTogether ?? []).map((fields) => togetherColumns(fields, foreign));
  const plain = together.flat().filter(({ isForeign, name }) => !isForeign && !unique.includes(name));
  const expires = Object.hasOwn(entity.fields, expiryField);
  const columns = [
    'id',
    ...unique,
    ...plain.map(({ name }) => name),
    ...foreign.map(({ column }) => column),
    ...(expires ? [expiryField] : []),
    'document',
  ];

  const select = `SELECT document FROM ${table} WHERE ${expires ? notExpired : 'TRUE'}`;
  const byId = database.prepare<[string], DocumentRow>(`${select} AND id = ?`);
  const stored = database.prepare<[string], DocumentRow>(`SELECT document FROM ${table} WHERE id = ?`);
  const byUnique = new Map(
    unique.map((name) => [name, database.prepare<[string], DocumentRow>(`${select} AND ${quoteName(name)} = ?`)]),
  );
  const taken = together.map((fields) => ({
    fields,
    find: database.prepare<unknown[], { id: string }>(
      `SELECT id FROM ${table} WHERE id <> ? AND ${fields.map(isEqual).join(' AND ')}`,
    ),
  }));
  const all = database.prepare<[], DocumentRow>(`${select} ORDER BY id`);
  const piece = database.prepare<[string], DocumentRow>(`${select} AND id > ? ORDER BY id LIMIT ${pieceSize}`);
  const expired = expires
    ? database.prepare<[], { id: string }>(
        `SELECT id FROM ${table} WHERE expires_at <= unixepoch() ORDER BY expires_at`,
      )
    : undefined;
  const mentioning = database.prepare<[string], DocumentRow>(`${select} AND instr(document, ?) > 0`);
  const updates = columns.slice(1).map((name) => `${quoteName(name)} = excluded.${quoteName(name)}`);
  const put = database.prepare(
    `INSERT INTO ${table} (${columns.map(quoteName).join(', ')}) VALUES (${columns.map(() => '?').join(', ')})
     ON CONFLICT (id) DO UPDATE SET ${updates.join(', ')}`,
  );
  const remove = database.prepare<[string]>(`DELETE FROM ${table} WHERE id = ?`);
  const referring = new Map(
    foreign.map(({ column }) => [
      column,
      database.prepare<[string], { id: string }>(`SELECT id FROM ${table} WHERE ${quoteName(column)} = ? ORDER BY id`),
    ]),
  );

  const read = (row: DocumentRow) => documents.decode(entity, row.document);
  const find = (row: DocumentRow | undefined) => (row === undefined ? undefined : read(row));
  const column = (field: string, value: string) => documents.column(entity, field, value);
  const columnValue = (name: string, value: unknown): unknown =>
    typeof value === 'string' && unique.includes(name) ? column(name, value) : scalar(value);
  const sources = columns
    .slice(0, -1)
    .map((name) => ({ name, field: foreign.find((reference) => reference.column === name)?.field ?? name }));
  const row = (value: SnapshotEntity): unknown[] => [
    ...sources.map(({ name, field }) => columnValue(name, value[field])),
    documents.encode(entity, value),
  ];
  const referringAny = new Map(
    foreign.map(({ field, column }) => [
      field,
      database.prepare<[string], DocumentRow>(`${select} AND ${quoteName(column)} IN (SELECT value FROM json_each(?))`),
    ]),
  );

  return {
    entity,
    foreign,
    unique,
    columns,
    row,
    expires,
    byId: (id) => find(byId.get(id)),
    byUnique: (field, value) => find(byUnique.get(field)?.get(column(field, value))),
    byTogether(values) {
      const names = Object.keys(values);
      const fields = taken.find((set) => set.fields.every(({ name }) => names.includes(name)));
      if (fields === undefined) throw new Error(`${entity.plural} are not unique by ${names.join(', ')}`);
      // No entity has the empty id, which the statement leaves out.
      const row = fields.find.get('', ...fields.fields.map(({ name }) => values[name]));
      return row === undefined ? undefined : find(byId.get(row.id));
    },
    stored: (id) => find(stored.get(id)),
    expiredIds: () => (expired?.all() ?? []).map((row) => row.id),
    all: () => all.all().map(read),
    *pieces() {
      for (let after = ''; ;) {
        const list = piece.all(after).map(read);
        yield list;
        const last = list.at(-1);
        if (list.length < pieceSize || last === undefined) return;
        after = last.id;
      }
    },
    read,
    column,
    mentioning: (text) => mentioning.all(text).map(read),
    checkUnique(value) {
      for (const name of unique) {
        const own = value[name];
        if (typeof own !== 'string') continue;
        const other = find(byUnique.get(name)?.get(column(name, own)));
        if (other !== undefined && other.id !== value.id) {
          // A secret does not go into an answer that may be logged.
          const shown = entity.fields[name]?.encrypted === true ? maskedText : own;
          throw new StoreViolation({ kind: 'unique', values: { [name]: shown } });
        }
      }
      for (const { fields, find } of taken) {
        if (find.get(value.id, ...fields.map(({ name }) => scalar(value[name]))) === undefined) continue;
        const values = Object.fromEntries(fields.map(({ name }) => [name, value[name]]));
        throw new StoreViolation({ kind: 'unique', values });
      }
    },
    put: (value) => void put.run(...row(value)),
    remove: (id) => void remove.run(id),
    referring: ({ column }, id) => (referring.get(column)?.all(id) ?? []).map((row) => row.id),
    referringAny(field, ids) {
      const statement = referringAny.get(field);
      if (statement === undefined) throw new Error(`${entity.plural} have no reference ${field}`);
      return statement.all(JSON.stringify(ids)).map(read);
    },
  };
}

function foreignColumns(entity: EntityDescriptor, known: ReadonlySet<string>): ForeignColumn[] {
  return Object.entries(entity.fields).flatMap(([field, { type, reference, onDelete }]) =>
    type === 'foreign' && reference !== undefined && known.has(reference)
      ? [{ field, column: `${field}_id`, reference, cascade: onDelete === 'cascade' }]
      : [],
  );
}

/** In the words of the index over fields that are unique together, where nulls are equal: else it would not be used. */
function isEqual({ column, isForeign }: { readonly column: string; readonly isForeign: boolean }): string {
  const name = quoteName(column);
  return isForeign ? `ifnull(${name}, '') = ifnull(?, '')` : `${name} = ?`;
}

function togetherColumns(fields: readonly string[], foreign: readonly ForeignColumn[]) {
  return fields.map((name) => {
    const reference = foreign.find(({ field }) => field === name);
    return { name, column: reference?.column ?? name, isForeign: reference !== undefined };
  });
}

/** A column's value: the id of a reference, a text, or null. */
function scalar(value: unknown): unknown {
  return isRecord(value) ? value['id'] : (value ?? null);
}
