import { randomUUID } from 'node:crypto';
import type { EntityDescriptor, NamesList } from '../../shared/entities/entity.ts';
import { checkField } from '../../shared/schema/check.ts';
import type { FieldFault } from '../../shared/schema/field.ts';
import type { SnapshotEntity } from '../../shared/snapshot.ts';
import type { EntityReads, EntityWrites } from '../store/entity-store.ts';

type Values = Readonly<Record<string, unknown>>;

/** A body without its list of names; `names` is undefined when the body does not speak of them. */
export interface SplitBody {
  readonly body: Values;
  readonly names: readonly string[] | undefined;
  readonly faults: readonly FieldFault[];
}

/** Takes the list of names (the `snis` of a certificate) out of a body and checks it. */
export function splitNames({ names: list }: EntityDescriptor, body: Values): SplitBody {
  if (list === undefined || !Object.hasOwn(body, list.field)) return { body, names: undefined, faults: [] };
  const { [list.field]: given, ...rest } = body;
  const checked = checkField(list.type, given);
  if (checked.kind === 'faults') {
    const faults = checked.faults.map(({ path, message }) => ({ path: [list.field, ...path], message }));
    return { body: rest, names: undefined, faults };
  }
  const texts = Array.isArray(given) ? given.map(String) : [];
  const twice = texts.find((name, index) => texts.indexOf(name) !== index);
  const faults = twice === undefined ? [] : [{ path: [list.field], message: `${twice} is duplicated` }];
  return { body: rest, names: texts, faults };
}

/** An entity as it is answered: with the names that refer to it, sorted. */
export function withNames(
  reads: EntityReads,
  { names: list }: EntityDescriptor,
  value: SnapshotEntity,
): SnapshotEntity {
  if (list === undefined) return value;
  const names = reads.referring(list.plural, list.reference, value.id).map((child) => String(child[list.key]));
  return { ...value, [list.field]: names.sort() };
}

/** Names that other entities have already, as faults of the list. */
export function takenNames(
  reads: EntityReads,
  list: NamesList,
  id: string,
  names: readonly string[],
): readonly FieldFault[] {
  return names.flatMap((name) => {
    const owner = ownerId(list, reads.find(list.plural, name));
    if (owner === undefined || owner === id) return [];
    return [{ path: [list.field], message: `${name} already associated with existing ${list.reference} '${owner}'` }];
  });
}

/** Makes the children of an entity fit a list: names that stay keep their ids. */
export function putNames(
  writes: EntityWrites,
  list: NamesList,
  { id }: SnapshotEntity,
  names: readonly string[],
  nowSeconds: number,
): void {
  const wanted = new Set(names);
  for (const child of writes.referring(list.plural, list.reference, id)) {
    if (!wanted.delete(String(child[list.key]))) writes.delete(list.plural, child.id);
  }
  for (const name of wanted) {
    writes.insert(list.plural, {
      id: randomUUID(),
      created_at: nowSeconds,
      updated_at: nowSeconds,
      [list.key]: name,
      [list.reference]: { id },
      tags: null,
    });
  }
}

/** The id of the entity that has a name; undefined when the name is free. */
export function ownerId(list: NamesList, child: SnapshotEntity | undefined): string | undefined {
  const reference = child?.[list.reference];
  return typeof reference === 'object' && reference !== null && 'id' in reference && typeof reference.id === 'string'
    ? reference.id
    : undefined;
}
