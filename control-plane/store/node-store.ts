import type { CertificateDetails } from '../../shared/cluster-tls.ts';
import type { EntityFault } from '../../shared/config-source.ts';
import type { Database } from './database.ts';

export interface NodeRejection {
  readonly hash: string;
  readonly atMs: number;
  readonly errors: readonly EntityFault[];
  /** The hashes, at that time, of the entities that the errors name, by `type/id`; absent in records of older versions. */
  readonly entities?: Readonly<Record<string, string>>;
}

/** A node as the control plane remembers it, connected or not. Times are milliseconds since 1970. */
export interface NodeRecord {
  readonly id: string;
  readonly bootId: string;
  readonly hostname: string;
  readonly ip: string;
  /** The certificate that the node last showed; absent in records of older versions. */
  readonly certificate?: CertificateDetails | null;
  readonly version: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly lastSeenMs: number;
  readonly updatedAtMs: number;
  /** Kong's word for whether the node could be served when it was last seen. */
  readonly syncStatus: string;
  readonly appliedHash: string | null;
  readonly appliedAtMs: number | null;
  readonly applyMs: number | null;
  readonly rejected: NodeRejection | null;
  /** The subject of the certificate that first used the id. */
  readonly owner?: string;
}

export interface NodeStore {
  loadAll(): readonly NodeRecord[];
  /** Inserts or replaces, all in one transaction. */
  saveAll(records: readonly NodeRecord[]): void;
  /** Saves only the time when nodes, saved before, were last seen. A record may hold a thousand faults. */
  touchAll(seen: readonly Pick<NodeRecord, 'id' | 'lastSeenMs'>[]): void;
  removeAll(ids: readonly string[]): void;
}

export function createNodeStore({ database }: { readonly database: Database }): NodeStore {
  const select = database.prepare<[], Row>('SELECT last_seen_ms, document FROM nodes ORDER BY id');
  const upsert = database.prepare('INSERT OR REPLACE INTO nodes (id, last_seen_ms, document) VALUES (?, ?, ?)');
  const touch = database.prepare('UPDATE nodes SET last_seen_ms = ? WHERE id = ?');
  const remove = database.prepare('DELETE FROM nodes WHERE id = ?');
  return {
    loadAll: () => select.all().map(recordOf),
    saveAll: database.transaction((records: readonly NodeRecord[]) => {
      for (const record of records) upsert.run(record.id, record.lastSeenMs, JSON.stringify(record));
    }),
    touchAll: database.transaction((seen: readonly Pick<NodeRecord, 'id' | 'lastSeenMs'>[]) => {
      for (const { id, lastSeenMs } of seen) touch.run(lastSeenMs, id);
    }),
    removeAll: database.transaction((ids: readonly string[]) => {
      for (const id of ids) remove.run(id);
    }),
  };
}

interface Row {
  readonly last_seen_ms: number;
  readonly document: string;
}

function recordOf({ last_seen_ms: lastSeenMs, document }: Row): NodeRecord {
  // Only this file writes the documents, so that they are what was saved.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { ...(JSON.parse(document) as NodeRecord), lastSeenMs };
}
