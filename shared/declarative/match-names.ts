import type { EntityDescriptor } from '../entities/entity.ts';
import { effectiveDescriptor } from '../entities/check-entity.ts';
import type { PluginSchemas } from '../plugin-schemas/plugin-schema.ts';
import type { Fields } from '../schema/field.ts';
import { isRecord } from '../schema/is-record.ts';
import { descend, holding, mapRecord, type Visitor } from '../schema/walk.ts';
import { canonicalJson, type SnapshotEntity } from '../snapshot.ts';
import type { EntitiesById } from './carry-over.ts';
import type { CompiledEntity } from './compile-document.ts';

export interface MatchOptions {
  /** Parents before the children that refer to them. */
  readonly entities: readonly EntityDescriptor[];
  readonly plugins: PluginSchemas;
}

/**
 * Gives entities of a document the ids of stored entities that they stand for: those with the same name, with the same
 * fields that are unique together, or with the same content. References within the document follow. So a dump of one
 * installation changes nothing in another one with the same content. An id that is stored already is left alone.
 */
export function matchNames(
  compiled: readonly CompiledEntity[],
  before: EntitiesById,
  { entities, plugins }: MatchOptions,
): readonly CompiledEntity[] {
  const byPlural = new Map<string, (readonly [index: number, one: CompiledEntity])[]>(
    entities.map(({ plural }) => [plural, []]),
  );
  for (const [index, one] of compiled.entries()) byPlural.get(one.entity.plural)?.push([index, one]);
  const matched = [...compiled];
  /** Stored ids by plural and the document's id. */
  const renamed = new Map<string, string>();
  for (const entity of entities) {
    const stored = before.get(entity.plural);
    const listed = byPlural.get(entity.plural) ?? [];
    const claimed = new Set(listed.map(([, { value }]) => value.id));
    const free = stored === undefined ? [] : [...stored.values()].filter(({ id }) => !claimed.has(id));
    const lookUp = free.length === 0 ? () => undefined : storedIdFinder(entity, free);
    for (const [index, one] of listed) {
      const fields = effectiveDescriptor(entity, plugins, one.value).fields;
      const value = renamed.size === 0 ? one.value : withRenamed(fields, one.value, renamed);
      const id = stored?.has(value.id) === true ? undefined : lookUp(value);
      if (id !== undefined) renamed.set(`${entity.plural}/${value.id}`, id);
      if (id !== undefined || value !== one.value) matched[index] = { ...one, value: { ...value, id: id ?? value.id } };
    }
  }
  return matched;
}

/** Returns a function that finds the id of the stored entity for which another one stands; each is found once. */
function storedIdFinder(
  entity: EntityDescriptor,
  free: readonly SnapshotEntity[],
): (value: SnapshotEntity) => string | undefined {
  const ids = new Map<string, string>();
  for (const one of free) for (const mark of marksOf(entity, one)) if (!ids.has(mark)) ids.set(mark, one.id);
  const found = new Set<string>();
  return (value) => {
    for (const mark of marksOf(entity, value)) {
      const id = ids.get(mark);
      if (id === undefined || found.has(id)) continue;
      found.add(id);
      return id;
    }
    return undefined;
  };
}

/** Returns the texts by which two entities are the same: the key, and what is unique together; without both the content. */
function marksOf({ key, fields, uniqueTogether = [] }: EntityDescriptor, value: SnapshotEntity): string[] {
  const name = value[key];
  const isNamed = key !== 'id' && fields[key]?.unique === true && typeof name === 'string';
  const marks = uniqueTogether.map((names) => `together ${canonicalJson(names.map((field) => value[field] ?? null))}`);
  if (isNamed) return [`key ${name}`, ...marks];
  if (marks.length > 0) return marks;
  const { id: _id, created_at: _created, updated_at: _updated, ...content } = value;
  return [`content ${canonicalJson(content)}`];
}

const holdsIds = holding(({ type, refersTo }) => type === 'foreign' || refersTo !== undefined);

function withRenamed(fields: Fields, value: SnapshotEntity, renamed: ReadonlyMap<string, string>): SnapshotEntity {
  const visit: Visitor = ({ type, reference, refersTo }, inner) => {
    if (type === 'foreign' && isRecord(inner)) {
      const id = renamed.get(`${reference ?? ''}/${String(inner['id'])}`);
      return id === undefined ? inner : { ...inner, id };
    }
    if (refersTo === undefined || typeof inner !== 'string') return descend;
    return renamed.get(`${refersTo}/${inner}`) ?? inner;
  };
  const mapped = mapRecord(fields, value, visit, { test: holdsIds });
  return mapped === value ? value : { ...mapped, id: value.id };
}
