import type { SnapshotEntity } from '../../shared/snapshot.ts';
import type { Database } from './database.ts';
import { quoteName } from './entity-columns.ts';
import { notExpired, type DocumentRow } from './entity-statements.ts';
import type { EntityTable } from './entity-table.ts';

export interface TagFilter {
  readonly mode: 'and' | 'or';
  readonly tags: readonly string[];
}

export interface PageQuery {
  /** Plural name. */
  readonly entity: string;
  readonly size: number;
  /** The page starts after this id. */
  readonly after?: string;
  readonly tags?: TagFilter;
  /** Foreign field and the id that it must have. */
  readonly parent?: { readonly field: string; readonly id: string };
  /** Unique fields and the values that they must have. */
  readonly equal?: Readonly<Record<string, string>>;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** The start of the next page, when there is one. */
  readonly next?: string;
}

/** Reads one page in the order of ids: rows that come or go meanwhile neither repeat nor hide others. */
export function selectPage(database: Database, table: EntityTable, query: PageQuery): Page<SnapshotEntity> {
  const conditions: string[] = table.expires ? [notExpired] : [];
  const values: unknown[] = [];
  if (query.after !== undefined) {
    conditions.push('id > ?');
    values.push(query.after);
  }
  if (query.parent !== undefined) {
    const { field, id } = query.parent;
    const column = table.foreign.find((foreign) => foreign.field === field)?.column;
    if (column === undefined) throw new Error(`${query.entity} has no reference ${field}`);
    conditions.push(`${quoteName(column)} = ?`);
    values.push(id);
  }
  for (const [name, value] of Object.entries(query.equal ?? {})) {
    conditions.push(`${quoteName(name)} = ?`);
    values.push(table.column(name, value));
  }
  if (query.tags !== undefined) {
    const { mode, tags } = query.tags;
    const distinct = [...new Set(tags)];
    const places = distinct.map(() => '?').join(', ');
    conditions.push(
      `id IN (SELECT id FROM entity_tags WHERE entity = ? AND tag IN (${places}) GROUP BY id HAVING count(*) >= ?)`,
    );
    values.push(query.entity, ...distinct, mode === 'and' ? distinct.length : 1);
  }
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const rows = database
    .prepare<unknown[], DocumentRow>(`SELECT document FROM ${quoteName(query.entity)} ${where} ORDER BY id LIMIT ?`)
    .all(...values, query.size + 1);
  const items = rows.slice(0, query.size).map((row) => table.read(row));
  const last = items.at(-1);
  return rows.length > query.size && last !== undefined ? { items, next: last.id } : { items };
}

/** One use of a tag. */
export interface TagUse {
  readonly tag: string;
  readonly entity_name: string;
  readonly entity_id: string;
}

export interface TagQuery {
  readonly size: number;
  readonly tag?: string;
  readonly after?: TagUse;
}

/** Reads one page of the uses of all tags, or of one. */
export function selectTags(
  database: Database,
  tables: Iterable<EntityTable>,
  { size, tag, after }: TagQuery,
): Page<TagUse> & { last?: TagUse } {
  const expiring = [...tables].filter(({ expires }) => expires).map(({ entity }) => quoteName(entity.plural));
  const conditions = expiring.map((table) => `id NOT IN (SELECT id FROM ${table} WHERE NOT ${notExpired})`);
  const values: unknown[] = [];
  if (tag !== undefined) {
    conditions.push('tag = ?');
    values.push(tag);
  }
  if (after !== undefined) {
    conditions.push('(tag, entity, id) > (?, ?, ?)');
    values.push(after.tag, after.entity_name, after.entity_id);
  }
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const rows = database
    .prepare<unknown[], TagUse>(
      `SELECT tag, entity AS entity_name, id AS entity_id FROM entity_tags ${where} ORDER BY tag, entity, id LIMIT ?`,
    )
    .all(...values, size + 1);
  const items = rows.slice(0, size);
  const last = items.at(-1);
  return rows.length > size && last !== undefined ? { items, last } : { items };
}
