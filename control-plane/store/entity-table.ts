import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import { maskedText } from '../../shared/schema/mask.ts';
import type { SnapshotEntity } from '../../shared/snapshot.ts';
import type { Database } from './database.ts';
import type { Documents } from './documents.ts';
import { columnScalar, entityColumns, type EntityColumns, type ForeignColumn } from './entity-columns.ts';
import { entityStatements, pieceSize, type DocumentRow, type EntityStatements } from './entity-statements.ts';
import { StoreViolation } from './store-errors.ts';

/** The reads and writes of one entity's table. */
export interface EntityTable {
  readonly entity: EntityDescriptor;
  readonly foreign: readonly ForeignColumn[];
  readonly columns: readonly string[];
  /** Whether entities expire; an expired one is never read. */
  readonly expires: boolean;
  /** Returns the values of the columns for an entity. */
  row(entity: SnapshotEntity): unknown[];
  byId(id: string): SnapshotEntity | undefined;
  /** Finds an entity by a field that is unique. */
  byUnique(field: string, value: string): SnapshotEntity | undefined;
  /** Finds an entity by the values of fields that are unique together: the words or the ids that they hold. */
  byTogether(values: Readonly<Record<string, string>>): SnapshotEntity | undefined;
  /** Reads an entity by id, expired or not: for its removal. */
  stored(id: string): SnapshotEntity | undefined;
  expiredIds(): string[];
  all(): SnapshotEntity[];
  /** Yields all entities in order of id, some at a time; each part is read when it is asked for. */
  pieces(): Iterable<readonly SnapshotEntity[]>;
  /** Returns the entity of a row with its column `document`. */
  read(row: DocumentRow): SnapshotEntity;
  /** Returns what a unique field's value is in its column. */
  column(field: string, value: string): string;
  /** Returns the entities whose document holds a text anywhere: a first choice, which the caller examines. */
  mentioning(text: string): SnapshotEntity[];
  /** Throws StoreViolation when a unique field, or fields unique together, are taken by another entity. */
  checkUnique(entity: SnapshotEntity): void;
  put(entity: SnapshotEntity): void;
  remove(id: string): void;
  /** Returns the ids of the entities whose foreign field refers to an id. */
  referring(foreign: ForeignColumn, id: string): string[];
  /** Returns the entities whose foreign field refers to one of the ids. */
  referringAny(field: string, ids: readonly string[]): SnapshotEntity[];
}

export interface EntityTableOptions {
  readonly database: Database;
  readonly entity: EntityDescriptor;
  /** Plural names of the entities that have tables. */
  readonly known: ReadonlySet<string>;
  readonly documents: Documents;
}

/** The things that the functions of one table share. */
interface TableParts {
  readonly entity: EntityDescriptor;
  readonly columns: EntityColumns;
  readonly statements: EntityStatements;
  readonly read: (row: DocumentRow) => SnapshotEntity;
  readonly column: (field: string, value: string) => string;
}

/** Prepares the table of one entity, which must exist in the database. */
export function entityTable({ database, entity, known, documents }: EntityTableOptions): EntityTable {
  const columns = entityColumns(entity, known);
  const statements = entityStatements(database, columns);
  const read = (row: DocumentRow) => documents.decode(entity, row.document);
  const column = (field: string, value: string) => documents.column(entity, field, value);
  const parts = { entity, columns, statements, read, column };
  const row = rowWriter(parts, documents);
  return {
    entity,
    foreign: columns.foreign,
    columns: columns.names,
    expires: columns.expires,
    row,
    read,
    column,
    ...tableReads(parts),
    checkUnique: (value) => checkUnique(parts, value),
    put: (value) => void statements.put.run(...row(value)),
    remove: (id) => void statements.remove.run(id),
  };
}

function tableReads({ entity, statements, read, column }: TableParts) {
  const { byId, byUnique, stored, all, piece, expired, mentioning, referring, referringAny } = statements;
  const find = (row: DocumentRow | undefined) => (row === undefined ? undefined : read(row));
  return {
    byId: (id) => find(byId.get(id)),
    byUnique: (field, value) => find(byUnique.get(field)?.get(column(field, value))),
    byTogether(values) {
      const names = Object.keys(values);
      const set = statements.together.find(({ fields }) => fields.every(({ name }) => names.includes(name)));
      if (set === undefined) throw new Error(`${entity.plural} are not unique by ${names.join(', ')}`);
      // No entity has the empty id, which the statement leaves out.
      const row = set.find.get('', ...set.fields.map(({ name }) => values[name]));
      return row === undefined ? undefined : find(byId.get(row.id));
    },
    stored: (id) => find(stored.get(id)),
    expiredIds: () => (expired?.all() ?? []).map(({ id }) => id),
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
    mentioning: (text) => mentioning.all(text).map(read),
    referring: (foreign, id) => (referring.get(foreign.column)?.all(id) ?? []).map((row) => row.id),
    referringAny(field, ids) {
      const statement = referringAny.get(field);
      if (statement === undefined) throw new Error(`${entity.plural} have no reference ${field}`);
      return statement.all(JSON.stringify(ids)).map(read);
    },
  } satisfies Partial<EntityTable>;
}

function rowWriter({ entity, columns, column }: TableParts, documents: Documents): EntityTable['row'] {
  const sources = columns.names
    .slice(0, -1)
    .map((name) => ({ name, field: columns.foreign.find((reference) => reference.column === name)?.field ?? name }));
  const columnValue = (name: string, value: unknown): unknown =>
    typeof value === 'string' && columns.unique.includes(name) ? column(name, value) : columnScalar(value);
  return (value) => [
    ...sources.map(({ name, field }) => columnValue(name, value[field])),
    documents.encode(entity, value),
  ];
}

function checkUnique({ entity, columns, statements, read, column }: TableParts, value: SnapshotEntity): void {
  for (const name of columns.unique) {
    const own = value[name];
    if (typeof own !== 'string') continue;
    const row = statements.byUnique.get(name)?.get(column(name, own));
    if (row === undefined || read(row).id === value.id) continue;
    // A secret does not go into an answer that may be logged.
    const shown = entity.fields[name]?.encrypted === true ? maskedText : own;
    throw new StoreViolation({ kind: 'unique', values: { [name]: shown } });
  }
  for (const { fields, find } of statements.together) {
    if (find.get(value.id, ...fields.map(({ name }) => columnScalar(value[name]))) === undefined) continue;
    const values = Object.fromEntries(fields.map(({ name }) => [name, value[name]]));
    throw new StoreViolation({ kind: 'unique', values });
  }
}
