import { createHash } from 'node:crypto';

/** An entity as it travels: canonical, all fields present, no secrets removed. */
export type SnapshotEntity = Readonly<Record<string, unknown>> & { readonly id: string };

/** Entities by plural name (`services`, `routes`, `plugins`, `consumers`), each list ordered by id. */
export type SnapshotEntities = Readonly<Record<string, readonly SnapshotEntity[]>>;

/**
 * An immutable, complete copy of the configuration. The hash is the SHA-256 over the sorted hashes of the entities, so
 * that the result of a delta can be verified without the whole.
 */
export interface Snapshot {
  readonly hash: string;
  readonly entities: SnapshotEntities;
}

/** JSON with the keys of every object sorted, so that equal entities have equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** SHA-256 in hex of one entity: its type and its canonical JSON. */
export function hashEntity(plural: string, entity: SnapshotEntity): string {
  return createHash('sha256').update(plural).update('\0').update(canonicalJson(entity)).digest('hex');
}

export function hashEntities(entityHashes: Iterable<string>): string {
  const digest = createHash('sha256');
  for (const hash of [...entityHashes].sort()) digest.update(hash);
  return digest.digest('hex');
}

/** Orders each list by id, hashes, and freezes the lists. */
export function createSnapshot(entities: SnapshotEntities): Snapshot {
  const ordered: Record<string, readonly SnapshotEntity[]> = {};
  const hashes: string[] = [];
  for (const plural of Object.keys(entities).sort()) {
    const list = [...(entities[plural] ?? [])].sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const entity of list) hashes.push(hashEntity(plural, entity));
    ordered[plural] = Object.freeze(list);
  }
  return Object.freeze({ hash: hashEntities(hashes), entities: Object.freeze(ordered) });
}
