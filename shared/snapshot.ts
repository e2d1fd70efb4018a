import { hash as digestOf } from 'node:crypto';

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

/** Returns JSON with the keys of every object sorted, so that equal entities have equal text. */
export function canonicalJson(value: unknown): string {
  // By hand: JSON.stringify with a replacer takes several times as long, and every entity goes through here.
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  let text = '';
  const entries: [string, unknown][] = Object.entries(value);
  for (const [key, inner] of entries.sort(byKey)) {
    if (inner !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(inner)}`;
  }
  return `{${text}}`;
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Returns the SHA-256 in hex of one entity: its kind and its canonical JSON. */
export function hashEntityText(plural: string, canonical: string): string {
  return digestOf('sha256', `${plural}\0${canonical}`, 'hex');
}

/** Orders each list by id, hashes, and freezes the lists. */
export function createSnapshot(entities: SnapshotEntities): Snapshot {
  const ordered: Record<string, readonly SnapshotEntity[]> = {};
  const hashes: string[] = [];
  for (const plural of Object.keys(entities).sort()) {
    const list = [...(entities[plural] ?? [])].sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const entity of list) hashes.push(hashEntityText(plural, canonicalJson(entity)));
    ordered[plural] = Object.freeze(list);
  }
  const hash = digestOf('sha256', hashes.sort().join(''), 'hex');
  return Object.freeze({ hash, entities: Object.freeze(ordered) });
}

/** Returns the id in a reference such as `{ id }`; undefined for null. */
export function referencedId(reference: unknown): string | undefined {
  if (typeof reference !== 'object' || reference === null || !('id' in reference)) return undefined;
  return typeof reference.id === 'string' ? reference.id : undefined;
}

/** Returns the name by which an operator knows the entity: its instance name, name, username or target; '' without one. */
export function nameOf(entity: SnapshotEntity): string {
  const name = entity['instance_name'] ?? entity['name'] ?? entity['username'] ?? entity['target'];
  return typeof name === 'string' ? name : '';
}
