import type { SnapshotEntities, SnapshotEntity } from '../../shared/snapshot.ts';
import type { AuditLog } from './audit-log.ts';
import type { ChangeListeners } from './change-listeners.ts';
import type { EntityChange } from './config-reader.ts';
import type { ConfigRevision } from './config-revision.ts';
import type { Database } from './database.ts';
import type { EntityReads, EntityWrites } from './entity-access.ts';
import type { EntityTables } from './entity-tables.ts';
import { entityWrites } from './entity-writes.ts';
import type { IdMentions } from './id-mentions.ts';

/** The things that the functions of one store share. */
export interface StoreParts {
  readonly database: Database;
  readonly tables: EntityTables;
  readonly reads: EntityReads;
  readonly revision: ConfigRevision;
  readonly mentions: IdMentions;
  readonly listeners: ChangeListeners;
  readonly audit: AuditLog | undefined;
}

/** The result of a transaction, with the revision after it. */
export interface Written<T> {
  readonly value: T;
  readonly revision: number;
  readonly version: string;
}

/** All entities, disabled ones too, with the revision that they belong to. */
export interface WholeStore {
  readonly revision: number;
  readonly version: string;
  readonly entities: SnapshotEntities;
}

/** Runs one write transaction: all or nothing, a new revision and word to the listeners when something changed. */
export function writeInTransaction<T>(parts: StoreParts, work: (writes: EntityWrites) => T): Written<T> {
  const { database, tables, revision, listeners, audit } = parts;
  const changes: EntityChange[] = [];
  let isExchange = false;
  const writes = entityWrites({
    ...parts,
    onWrite(change, before) {
      changes.push(change);
      const { entity } = tables.of(change.plural);
      audit?.record({ entity, before, after: change.entity, revision: revision.current() + 1 });
    },
    exchange(staged) {
      isExchange = staged.apply(revision.current() + 1) || isExchange;
    },
  });
  const result = database
    .transaction(() => {
      const value = work(writes);
      if (isExchange || changes.length > 0) {
        revision.advance();
        audit?.prune();
      }
      return { value, revision: revision.current(), version: revision.version() };
    })
    .immediate();
  if (isExchange) listeners.notify(result.revision, undefined);
  else if (changes.length > 0) listeners.notify(result.revision, changes);
  return result;
}

/** Reads everything of one revision. */
export function readInTransaction({ database, tables, revision }: StoreParts): WholeStore {
  return database.transaction(() => {
    const entities: Record<string, readonly SnapshotEntity[]> = {};
    for (const [plural, table] of tables.byName) entities[plural] = table.all();
    return { revision: revision.current(), version: revision.version(), entities };
  })();
}
