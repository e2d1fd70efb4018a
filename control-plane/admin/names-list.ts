import type { EntityDescriptor, NamesList } from '../../shared/entities/entity.ts';
import { namesField } from '../../shared/entities/names-list.ts';
import { checkField } from '../../shared/schema/check.ts';
import type { FieldFault } from '../../shared/schema/field.ts';
import { referencedId, type SnapshotEntity } from '../../shared/snapshot.ts';
import type { EntityReads, EntityWrites } from '../store/entity-access.ts';

type Values = Readonly<Record<string, unknown>>;

/** A body without its list of names; `names` is undefined when the body does not hold them. */
export interface SplitBody {
  readonly body: Values;
  readonly names: readonly string[] | undefined;
  readonly faults: readonly FieldFault[];
}

/** Takes the list of names (the `snis` of a certificate) out of a body and checks it. */
export function splitNames({ names: list }: EntityDescriptor, body: Values): SplitBody {
  if (list === undefined || !Object.hasOwn(body, list.field)) return { body, names: undefined, faults: [] };
  const { [list.field]: given, ...rest } = body;
  const checked = checkField(namesField(list), given);
  if (checked.kind === 'faults') {
    const faults = checked.faults.map(({ path, message }) => ({ path: [list.field, ...path], message }));
    return { body: rest, names: undefined, faults };
  }
  const texts = Array.isArray(given) ? given.map(String) : [];
  const seen = new Set<string>();
  const twice = texts.find((name) => seen.has(name) || seen.add(name).size === 0);
  const faults = twice === undefined ? [] : [{ path: [list.field], message: `${twice} is duplicated` }];
  return { body: rest, names: texts, faults };
}

/** Returns an entity as it is answered: with the names that refer to it, sorted. */
export function withNames(reads: EntityReads, entity: EntityDescriptor, value: SnapshotEntity): SnapshotEntity {
  return listWithNames(reads, entity, [value])[0] ?? value;
}

/** Does the same for a page of entities, with one read for all of them. */
export function listWithNames(
  reads: EntityReads,
  { names: list }: EntityDescriptor,
  values: readonly SnapshotEntity[],
): readonly SnapshotEntity[] {
  if (list === undefined) return values;
  const ids = values.map(({ id }) => id);
  const namesOf = new Map<string, string[]>(ids.map((id) => [id, []]));
  for (const child of reads.referring(list.child.plural, list.reference, ids)) {
    namesOf.get(ownerId(list, child) ?? '')?.push(String(child[list.child.key]));
  }
  return values.map((value) => ({ ...value, [list.field]: namesOf.get(value.id)?.sort() ?? [] }));
}

/** Returns the names that other entities have already, as faults of the list. */
export function takenNames(
  reads: EntityReads,
  list: NamesList,
  id: string,
  names: readonly string[],
): readonly FieldFault[] {
  return names.flatMap((name) => {
    const owner = ownerId(list, reads.find(list.child.plural, name));
    if (owner === undefined || owner === id) return [];
    return [{ path: [list.field], message: `${name} already associated with existing ${list.reference} '${owner}'` }];
  });
}

/** Changes the children of an entity to those of a list: names that stay keep their ids. `makeChild` checks and completes one. */
export function putNames(
  writes: EntityWrites,
  list: NamesList,
  { id }: SnapshotEntity,
  names: readonly string[],
  makeChild: (body: Values) => SnapshotEntity,
): void {
  const wanted = new Set(names);
  for (const child of writes.referring(list.child.plural, list.reference, [id])) {
    if (!wanted.delete(String(child[list.child.key]))) writes.delete(list.child.plural, child.id);
  }
  for (const name of wanted) {
    writes.insert(list.child.plural, makeChild({ [list.child.key]: name, [list.reference]: { id } }));
  }
}

/** Returns the id of the entity that has a name; undefined when the name is free. */
export function ownerId(list: NamesList, child: SnapshotEntity | undefined): string | undefined {
  return referencedId(child?.[list.reference]);
}
