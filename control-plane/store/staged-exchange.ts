import { entityKey } from '../../shared/snapshot-wire.ts';
import type { AuditLog } from './audit-log.ts';
import type { Database } from './database.ts';
import type { Exchange, StagedExchange, StoredEntity } from './entity-access.ts';
import { quoteName } from './entity-columns.ts';
import type { EntityTables } from './entity-tables.ts';

export interface StagedExchangeDeps {
  readonly database: Database;
  readonly tables: EntityTables;
  readonly audit: AuditLog | undefined;
}

/** Begins a set of changes in tables of this connection alone. */
export function stageExchange(deps: StagedExchangeDeps): StagedExchange {
  const { database, tables, audit } = deps;
  const rows = createStagingTables(deps);
  const remove = database.prepare<[string, string]>('INSERT INTO temp.staged_removed (entity, id) VALUES (?, ?)');
  const tag = database.prepare<[string, string, string]>(
    'INSERT INTO temp.staged_tags (tag, entity, id) VALUES (?, ?, ?)',
  );
  const audited = audit?.stage();

  function add({ removed, added }: Exchange): void {
    const before = new Map<string, StoredEntity>();
    for (const { plural, value } of removed) {
      remove.run(plural, value.id);
      before.set(entityKey(plural, value.id), { plural, value });
    }
    for (const { plural, value } of added) {
      const table = tables.of(plural);
      rows.get(plural)?.run(...table.row(value));
      const { id, tags } = value;
      if (Array.isArray(tags)) for (const word of new Set(tags.map(String))) tag.run(word, plural, id);
      const place = entityKey(plural, id);
      audited?.add({ entity: table.entity, before: before.get(place)?.value, after: value });
      before.delete(place);
    }
    for (const { plural, value } of before.values()) {
      audited?.add({ entity: tables.of(plural).entity, before: value, after: undefined });
    }
  }

  return {
    add: (exchange) => database.transaction(() => add(exchange))(),
    drop(plural, id) {
      for (const table of ['staged_removed', 'staged_tags']) {
        database.prepare(`DELETE FROM temp.${table} WHERE entity = ? AND id = ?`).run(plural, id);
      }
      database.prepare(`DELETE FROM temp.${quoteName(`staged_${plural}`)} WHERE id = ?`).run(id);
      audited?.drop(plural, id);
    },
    apply(revision) {
      const isChanged = moveStaged(database, tables);
      audited?.apply(revision);
      return isChanged;
    },
  };
}

/** Runs with the values of a row's columns. */
interface RowStatement {
  run(...values: unknown[]): unknown;
}

/** Creates the tables of the staged changes. Returns the statement that stages a row of each entity. */
function createStagingTables({ database, tables }: StagedExchangeDeps): ReadonlyMap<string, RowStatement> {
  // In memory: a file of its own would have to be kept from other users' eyes.
  database.pragma('temp_store = MEMORY');
  const create = (name: string, columns: string): void =>
    void database.exec(`DROP TABLE IF EXISTS temp.${name}; CREATE TEMP TABLE ${name} (${columns}) WITHOUT ROWID`);
  create('staged_removed', 'entity TEXT, id TEXT, PRIMARY KEY (entity, id)');
  create('staged_tags', 'tag TEXT, entity TEXT, id TEXT, PRIMARY KEY (entity, id, tag)');
  return new Map(
    [...tables.byName].map(([plural, table]) => {
      const columns = table.columns.map(quoteName).join(', ');
      create(`staged_${plural}`, `${columns}, PRIMARY KEY (id)`);
      const values = table.columns.map(() => '?').join(', ');
      return [plural, database.prepare(`INSERT INTO temp.staged_${plural} (${columns}) VALUES (${values})`)] as const;
    }),
  );
}

/** Makes the staged changes; returns whether there were any. */
function moveStaged(database: Database, tables: EntityTables): boolean {
  // Whatever the order, references are checked when the transaction ends.
  database.pragma('defer_foreign_keys = ON');
  let changes = 0;
  for (const plural of tables.byName.keys()) {
    const removed = 'SELECT id FROM temp.staged_removed WHERE entity = ?';
    changes += database.prepare(`DELETE FROM main.${quoteName(plural)} WHERE id IN (${removed})`).run(plural).changes;
  }
  database.exec('DELETE FROM main.entity_tags WHERE (entity, id) IN (SELECT entity, id FROM temp.staged_removed)');
  for (const [plural, { columns }] of tables.byName) {
    const names = columns.map(quoteName).join(', ');
    changes += database
      .prepare(
        `INSERT INTO main.${quoteName(plural)} (${names}) SELECT ${names} FROM temp.staged_${plural} ORDER BY id`,
      )
      .run().changes;
  }
  database.exec(
    'INSERT INTO main.entity_tags (tag, entity, id) SELECT tag, entity, id FROM temp.staged_tags ORDER BY 1, 2, 3',
  );
  return changes > 0;
}
