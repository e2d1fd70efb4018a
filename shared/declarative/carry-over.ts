import { valueAt, withValueAt } from '../schema/value-at.ts';
import { canonicalJson, type SnapshotEntities, type SnapshotEntity } from '../snapshot.ts';
import type { CompiledEntity } from './compile-document.ts';
import type { AutoPath } from './filled-paths.ts';

/** Entities by plural name and id, as they stand before a load. */
export type EntitiesById = ReadonlyMap<string, ReadonlyMap<string, SnapshotEntity>>;

export function entitiesById(entities: SnapshotEntities): EntitiesById {
  return new Map(
    Object.entries(entities).map(([plural, list]) => [plural, new Map(list.map((entity) => [entity.id, entity]))]),
  );
}

/** The changes that a load would make to the stored entities. */
export interface Difference {
  readonly created: readonly Change[];
  readonly updated: readonly Update[];
  readonly deleted: readonly Change[];
  readonly unchanged: number;
  /** Everything as it is afterwards. */
  readonly all: readonly Change[];
}

export interface Change {
  /** Plural name. */
  readonly plural: string;
  /** The entity after the change; a deleted one as it was. */
  readonly value: SnapshotEntity;
}

export interface Update extends Change {
  readonly before: SnapshotEntity;
}

/**
 * Compares a document with the stored entities. An entity that the document gives no times and no random words
 * keeps those that it has, so that loading the same document again changes nothing.
 */
export function differenceTo(compiled: readonly CompiledEntity[], before: EntitiesById): Difference {
  const created: Change[] = [];
  const updated: Update[] = [];
  const all: Change[] = [];
  const kept = new Set<SnapshotEntity>();
  for (const { entity, value, filled } of compiled) {
    const { plural } = entity;
    const old = before.get(plural)?.get(value.id);
    if (old === undefined) {
      created.push({ plural, value });
      all.push({ plural, value });
      continue;
    }
    kept.add(old);
    const carried = carriedOver(value, filled, old);
    const isSame = isEqual(carried, old);
    const after = isSame ? old : touched(carried, value, filled);
    if (!isSame) updated.push({ plural, value: after, before: old });
    all.push({ plural, value: after });
  }
  const deleted = [...before].flatMap(([plural, list]) =>
    [...list.values()].filter((value) => !kept.has(value)).map((value) => ({ plural, value })),
  );
  return { created, updated, deleted, unchanged: compiled.length - created.length - updated.length, all };
}

export function isDifferent({ created, updated, deleted }: Difference): boolean {
  return created.length + updated.length + deleted.length > 0;
}

/** Returns the value with the old one's times and words where the document gave none. */
export function carriedOver(value: SnapshotEntity, filled: readonly AutoPath[], old: SnapshotEntity): SnapshotEntity {
  let carried: Readonly<Record<string, unknown>> = value;
  for (const path of filled) {
    const known = valueAt(old, path);
    if (known !== undefined) carried = withValueAt(carried, path, known);
  }
  return { ...carried, id: value.id };
}

const timeNames = ['created_at', 'updated_at'] as const;

/** Returns a changed entity with the time of the load as its `updated_at`, unless the document gives one. */
function touched(carried: SnapshotEntity, value: SnapshotEntity, filled: readonly AutoPath[]): SnapshotEntity {
  const isFilled = filled.some((path) => path.length === 1 && path[0] === 'updated_at');
  return isFilled ? { ...carried, updated_at: value['updated_at'] } : carried;
}

/** Tells whether the entities are equal but for their times: a dump of another installation has times of its own. */
function isEqual(dated: SnapshotEntity, b: SnapshotEntity): boolean {
  const times = Object.fromEntries(
    timeNames.filter((name) => Object.hasOwn(dated, name)).map((name) => [name, b[name]]),
  );
  const a = { ...dated, ...times };
  // Nearly always the fields have the same order, which is the cheap case.
  return JSON.stringify(a) === JSON.stringify(b) || canonicalJson(a) === canonicalJson(b);
}
