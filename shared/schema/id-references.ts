import { isRecord } from './check.ts';
import type { Field, Fields } from './field.ts';

/** An id that a field of text holds, alone or in a list (`refersTo`). */
export interface IdReference {
  readonly path: readonly (string | number)[];
  /** Plural name of the entity whose id it is. */
  readonly plural: string;
  readonly id: string;
}

/** All ids of other entities that a record holds as text, at any depth; the record is a checked one. */
export function idReferences(fields: Fields, value: Readonly<Record<string, unknown>>): readonly IdReference[] {
  if (!mayRefer(fields)) return [];
  const found: IdReference[] = [];
  collectRecord(fields, value, [], found);
  return found;
}

/** The plural names of all entities that the fields may refer to by text. */
export function referredPlurals(fields: Fields): ReadonlySet<string> {
  const plurals = new Set<string>();
  const visit = (field: Field): void => {
    if (field.refersTo !== undefined) plurals.add(field.refersTo);
    if (field.elements !== undefined) visit(field.elements);
    if (field.values !== undefined) visit(field.values);
    for (const inner of Object.values(field.fields ?? {})) visit(inner);
  };
  for (const field of Object.values(fields)) visit(field);
  return plurals;
}

const known = new WeakMap<Fields, boolean>();

/** Most entities have no such field, and there may be very many of them. */
function mayRefer(fields: Fields): boolean {
  const answer = known.get(fields) ?? referredPlurals(fields).size > 0;
  known.set(fields, answer);
  return answer;
}

type Path = readonly (string | number)[];

function collectRecord(
  fields: Fields,
  value: Readonly<Record<string, unknown>>,
  path: Path,
  found: IdReference[],
): void {
  for (const [name, field] of Object.entries(fields)) collect(field, value[name], [...path, name], found);
}

function collect(field: Field, value: unknown, path: Path, found: IdReference[]): void {
  if (typeof value === 'string') {
    if (field.refersTo !== undefined) found.push({ path, plural: field.refersTo, id: value });
  } else if (Array.isArray(value)) {
    const { elements } = field;
    if (elements !== undefined) value.forEach((item, index) => collect(elements, item, [...path, index], found));
  } else if (isRecord(value)) {
    if (field.fields !== undefined) collectRecord(field.fields, value, path, found);
    const { values } = field;
    if (values === undefined) return;
    for (const [key, inner] of Object.entries(value)) collect(values, inner, [...path, key], found);
  }
}
