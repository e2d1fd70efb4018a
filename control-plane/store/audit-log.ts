import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import {
  actEntry,
  auditText,
  type AuditEntry,
  type AuditedAct,
  type AuditedChange,
  type AuditLimits,
} from './audit-text.ts';
import type { Database } from './database.ts';
import type { Page } from './page.ts';

export interface AuditLog {
  /** Records a change; called within its transaction. */
  record(change: AuditedChange): void;
  /** Records an act that changes nothing. */
  note(act: AuditedAct): void;
  /** Begins a set of changes whose revision is not known yet; one set at a time for a connection. */
  stage(): StagedAudit;
  /** Deletes what is too old or too much; called once a transaction. */
  prune(): void;
  /** Returns a page of changes, the newest first. */
  page(query: { readonly size: number; readonly before?: number }): Page<AuditEntry>;
  /** Returns all changes of the revision that an entry belongs to; undefined when there is no such entry. */
  together(id: number, max: number): ChangesTogether | undefined;
}

/** The changes of one revision. `cut`: the log has dropped some of them; `too_many`: there are more than were asked for. */
export interface ChangesTogether {
  readonly kind: 'whole' | 'cut' | 'too_many';
  readonly entries: readonly AuditEntry[];
}

/** Changes that the log does not show before they are applied. */
export interface StagedAudit {
  add(change: Omit<AuditedChange, 'revision'>): void;
  drop(plural: string, id: string): void;
  /** Moves the changes into the log; called within their transaction. */
  apply(revision: number): void;
}

export interface AuditLogOptions {
  readonly database: Database;
  readonly plugins: PluginSchemas;
  readonly nowMs?: () => number;
  readonly limits?: AuditLimits;
}

export const auditLimits: AuditLimits = {
  entriesMax: 20_000,
  ageMsMax: 30 * 86_400_000,
  entityBytesMax: 64 * 1024,
};

interface Row {
  readonly id: number;
  readonly at_ms: number;
  readonly document: string;
}

/**
 * Opens the log of who changed what. It lies in the database of the configuration itself, so that a change is recorded
 * if and only if it was made.
 */
export function createAuditLog(options: AuditLogOptions): AuditLog {
  const { database, plugins, nowMs = Date.now, limits = auditLimits } = options;
  const insert = database.prepare<[number, string]>('INSERT INTO audit_objects (at_ms, document) VALUES (?, ?)');
  const pruneOld = database.prepare<[number]>('DELETE FROM audit_objects WHERE at_ms < ?');
  const pruneMany = database.prepare<[number]>(
    'DELETE FROM audit_objects WHERE id <= (SELECT max(id) FROM audit_objects) - ?',
  );
  const select = database.prepare<[number, number], Row>(
    'SELECT id, at_ms, document FROM audit_objects WHERE id < ? ORDER BY id DESC LIMIT ?',
  );

  const entry = database.prepare<[number], Row>('SELECT id, at_ms, document FROM audit_objects WHERE id = ?');
  // One transaction wrote them all, so that their ids follow one another.
  const after = database.prepare<[number], Row>(
    'SELECT id, at_ms, document FROM audit_objects WHERE id > ? ORDER BY id',
  );

  function together(id: number, max: number): ChangesTogether | undefined {
    const row = entry.get(id);
    if (row === undefined) return undefined;
    const own = entryOf(row);
    const newer = ofRevision(after.iterate(id), own.revision, max);
    const older = ofRevision(select.iterate(id, max + 1), own.revision, max);
    const entries = [...older.toReversed(), own, ...newer];
    const firstId = entries[0]?.id ?? id;
    const isWhole = firstId === 1 || entry.get(firstId - 1) !== undefined;
    const kind = entries.length > max ? 'too_many' : isWhole ? 'whole' : 'cut';
    return { kind, entries };
  }

  const textOf = (change: Omit<AuditedChange, 'revision'>) => auditText(change, { plugins, limits });

  return {
    note(act) {
      insert.run(nowMs(), JSON.stringify(actEntry(act)));
      pruneMany.run(limits.entriesMax);
    },
    record({ revision, ...change }) {
      const text = textOf(change);
      if (text !== undefined) insert.run(nowMs(), `{"revision":${revision},${text}`);
    },
    together,
    stage: () => stageAudit({ database, limits, nowMs, textOf }),
    prune() {
      pruneOld.run(nowMs() - limits.ageMsMax);
      pruneMany.run(limits.entriesMax);
    },
    page({ size, before = Number.MAX_SAFE_INTEGER }) {
      const rows = select.all(before, size + 1);
      const items = rows.slice(0, size).map(entryOf);
      const last = items.at(-1);
      return rows.length > size && last !== undefined ? { items, next: String(last.id) } : { items };
    },
  };
}

interface StageDeps {
  readonly database: Database;
  readonly limits: AuditLimits;
  readonly nowMs: () => number;
  readonly textOf: (change: Omit<AuditedChange, 'revision'>) => string | undefined;
}

function stageAudit({ database, limits, nowMs, textOf }: StageDeps): StagedAudit {
  database.exec(`
    DROP TABLE IF EXISTS temp.staged_audit;
    CREATE TEMP TABLE staged_audit (number INTEGER PRIMARY KEY, entity TEXT, id TEXT, at_ms INTEGER, text TEXT);
    CREATE INDEX temp.staged_audit_place ON staged_audit (entity, id)`);
  const add = database.prepare<[string, string | undefined, number, string]>(
    'INSERT INTO temp.staged_audit (entity, id, at_ms, text) VALUES (?, ?, ?, ?)',
  );
  const drop = database.prepare<[string, string]>('DELETE FROM temp.staged_audit WHERE entity = ? AND id = ?');
  const apply = database.prepare<[string, number]>(`
    INSERT INTO main.audit_objects (at_ms, document) SELECT at_ms, ? || text FROM temp.staged_audit ORDER BY number
    LIMIT -1 OFFSET max(0, (SELECT count(*) FROM temp.staged_audit) - ?)`);
  return {
    add(change) {
      const text = textOf(change);
      if (text !== undefined) add.run(change.entity.plural, (change.after ?? change.before)?.id, nowMs(), text);
    },
    drop: (plural, id) => void drop.run(plural, id),
    // The oldest entries beyond the limit would be deleted at once.
    apply: (revision) => void apply.run(`{"revision":${revision},`, limits.entriesMax),
  };
}

/** Reads entries as long as they are of the revision, and one more than `max` at most. */
function ofRevision(rows: Iterable<Row>, revision: number, max: number): AuditEntry[] {
  const entries: AuditEntry[] = [];
  for (const row of rows) {
    const entry = entryOf(row);
    if (entry.revision !== revision || entries.length > max) break;
    entries.push(entry);
  }
  return entries;
}

function entryOf({ id, at_ms: atMs, document }: Row): AuditEntry {
  // Only `record` writes documents, so their shape is known.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const rest = JSON.parse(document) as Omit<AuditEntry, 'id' | 'at'>;
  return { id, at: atMs / 1_000, ...rest };
}
