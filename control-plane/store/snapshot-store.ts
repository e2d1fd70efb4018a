import { expiryField } from '../../shared/entities/expiry.ts';
import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import { isRecord } from '../../shared/schema/is-record.ts';
import type { SnapshotEntities, SnapshotEntity } from '../../shared/snapshot.ts';
import type { EntityStore } from './entity-store.ts';
import type { TagUse } from './page.ts';

export interface SnapshotStoreOptions {
  readonly nodeId: string;
  readonly entities: readonly EntityDescriptor[];
  /** Returns the configuration as it is now, each list ordered by id. */
  readonly current: () => SnapshotEntities;
}

/** Returns the reads of a store over a configuration in memory, for nodes without a database. Writes throw. */
export function createSnapshotStore({ nodeId, entities, current }: SnapshotStoreOptions): EntityStore {
  const keys = new Map(entities.map(({ plural, key }) => [plural, key]));
  const list = (plural: string) => (current()[plural] ?? []).filter(isAlive);
  return {
    nodeId: () => nodeId,
    revision: () => 0,
    version: () => '0',
    get: (plural, id) => list(plural).find((entity) => entity.id === id),
    find(plural, value, field = keys.get(plural) ?? 'id') {
      return list(plural).find((entity) => entity[field] === value);
    },
    findTogether: (plural, values) =>
      list(plural).find((entity) => Object.entries(values).every(([field, value]) => plain(entity[field]) === value)),
    referring(plural, field, ids) {
      const wanted = new Set<unknown>(ids);
      return list(plural).filter((entity) => wanted.has(plain(entity[field])));
    },
    page({ entity: plural, size, after, tags, parent, equal = {} }) {
      const found = list(plural).filter(
        (entity) =>
          (after === undefined || entity.id > after) &&
          (parent === undefined || plain(entity[parent.field]) === parent.id) &&
          Object.entries(equal).every(([field, value]) => entity[field] === value) &&
          (tags === undefined || hasTags(entity, tags.mode, tags.tags)),
      );
      const items = found.slice(0, size);
      const last = items.at(-1);
      return found.length > size && last !== undefined ? { items, next: last.id } : { items };
    },
    tags({ size, tag, after }) {
      const uses = Object.keys(current())
        .flatMap((plural) => list(plural).flatMap((entity) => usesOf(plural, entity)))
        .filter((use) => (tag === undefined || use.tag === tag) && (after === undefined || compareUses(use, after) > 0))
        .sort(compareUses);
      const items = uses.slice(0, size);
      const last = items.at(-1);
      return uses.length > size && last !== undefined ? { items, last } : { items };
    },
    readPieces: () => Object.entries(current()).map(([plural, list]) => ({ plural, list })),
    readAll: () => ({ revision: 0, version: '0', entities: current() }),
    write() {
      throw new Error('There is no database to write to');
    },
    stage() {
      throw new Error('There is no database to write to');
    },
    pluginNames: () => [...new Set(list('plugins').map(({ name }) => String(name)))].sort(),
    hasExpired: () => false,
    onChange: () => () => undefined,
    changedElsewhere: () => undefined,
  };
}

function isAlive(entity: SnapshotEntity): boolean {
  const expiresAt = entity[expiryField];
  return typeof expiresAt !== 'number' || expiresAt * 1000 > Date.now();
}

/** Returns the id of a reference, or the value itself. */
function plain(value: unknown): unknown {
  return isRecord(value) ? value['id'] : value;
}

function tagsOf({ tags }: SnapshotEntity): string[] {
  return Array.isArray(tags) ? tags.map(String) : [];
}

function hasTags(entity: SnapshotEntity, mode: 'and' | 'or', wanted: readonly string[]): boolean {
  const own = tagsOf(entity);
  return mode === 'and' ? wanted.every((tag) => own.includes(tag)) : wanted.some((tag) => own.includes(tag));
}

function usesOf(plural: string, entity: SnapshotEntity): TagUse[] {
  return tagsOf(entity).map((tag) => ({ tag, entity_name: plural, entity_id: entity.id }));
}

function compareUses(a: TagUse, b: TagUse): number {
  const [left, right] = [a, b].map((use) => [use.tag, use.entity_name, use.entity_id] as const);
  for (const [index, part] of (left ?? []).entries()) {
    const other = right?.[index] ?? '';
    if (part !== other) return part < other ? -1 : 1;
  }
  return 0;
}
