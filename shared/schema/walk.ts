import type { Field, Fields } from './field.ts';
import { isRecord } from './is-record.ts';

/** A place within a value, as a chain: it becomes a list only where somebody asks, so that a walk makes no copies. */
export type Place = { readonly parent: Place; readonly part: string | number } | undefined;

/** Returns the place as a list, from the outside in. */
export function pathOf(place: Place): (string | number)[] {
  const parts: (string | number)[] = [];
  for (let at = place; at !== undefined; at = at.parent) parts.push(at.part);
  return parts.toReversed();
}

/** A visitor's answer: look at what lies within the value. */
export const descend = Symbol('descend');
/** A visitor's answer: leave the field out of its record. */
export const omit = Symbol('omit');

/**
 * Sees a value, never undefined, with its descriptor. Returns what is to stand in its place, `descend` or `omit`.
 */
export type Visitor = (field: Field, value: unknown, place: Place) => unknown;

/** Tells whether the field, or one within it, is wanted; a walk does not look into others. */
export type FieldTest = (field: Field) => boolean;

/** Returns a test that remembers its answers, for fields that are `wanted` or hold one that is. */
export function holding(wanted: FieldTest): FieldTest {
  const known = new WeakMap<Field, boolean>();
  function test(field: Field): boolean {
    const found = known.get(field);
    if (found !== undefined) return found;
    const { fields = {}, elements, values } = field;
    const inner = [...Object.values(fields), elements, values];
    const holds = wanted(field) || inner.some((one) => one !== undefined && test(one));
    known.set(field, holds);
    return holds;
  }
  return test;
}

export interface WalkOptions {
  /** Made by `holding`; without it every field is looked into. */
  readonly test?: FieldTest;
  /** Where the value stands. */
  readonly place?: Place;
}

/**
 * Returns the record as the visitor changes it: it sees every value that has a descriptor, outer ones first. Parts that
 * nothing changed stay the same objects, and so does the record if nothing changed at all.
 */
export function mapRecord(
  fields: Fields,
  record: Readonly<Record<string, unknown>>,
  visit: Visitor,
  { test, place }: WalkOptions = {},
): Readonly<Record<string, unknown>> {
  const walk: Walk = { visit, test };
  return walkRecord(test === undefined ? entriesOf(fields) : heldEntriesOf(fields, test), record, place, walk);
}

/** Returns the value as the visitor changes it, as `mapRecord` does for the fields of a record. */
export function mapValue(field: Field, value: unknown, visit: Visitor, { test, place }: WalkOptions = {}): unknown {
  return walkValue(field, value, place, { visit, test });
}

/** A field among all that a schema holds. */
export interface HeldField {
  /** Names of records' fields; lists and maps add nothing to it. */
  readonly path: readonly string[];
  readonly field: Field;
  /** It is an element of a list, a value of a map, or lies within one. */
  readonly isInList: boolean;
}

/** Yields every field that a schema holds, outer ones first: elements of lists and values of maps too. */
export function* eachField(fields: Fields, path: readonly string[] = [], isInList = false): Generator<HeldField, void> {
  for (const [name, field] of entriesOf(fields)) yield* eachWithin({ path: [...path, name], field, isInList });
}

function* eachWithin(held: HeldField): Generator<HeldField, void> {
  yield held;
  const { field, path, isInList } = held;
  if (field.fields !== undefined) yield* eachField(field.fields, path, isInList);
  const inner = field.elements ?? field.values;
  if (inner !== undefined) yield* eachWithin({ path, field: inner, isInList: true });
}

type Entries = readonly (readonly [string, Field])[];

interface Walk {
  readonly visit: Visitor;
  readonly test: FieldTest | undefined;
}

function walkValue(field: Field, value: unknown, place: Place, walk: Walk): unknown {
  const answer = walk.visit(field, value, place);
  if (answer !== descend) return answer;
  const { elements, values } = field;
  if (Array.isArray(value)) {
    if (elements === undefined || walk.test?.(elements) === false) return value;
    const mapped = value.map((item: unknown, index) => walkValue(elements, item, { parent: place, part: index }, walk));
    return mapped.some((item, index) => item !== value[index]) ? mapped : value;
  }
  if (!isRecord(value)) return value;
  if (field.fields !== undefined) {
    const entries = walk.test === undefined ? entriesOf(field.fields) : heldEntriesOf(field.fields, walk.test);
    return walkRecord(entries, value, place, walk);
  }
  if (values === undefined || walk.test?.(values) === false) return value;
  return walkRecord(
    Object.keys(value).map((key) => [key, values] as const),
    value,
    place,
    walk,
  );
}

function walkRecord(
  entries: Entries,
  record: Readonly<Record<string, unknown>>,
  place: Place,
  walk: Walk,
): Readonly<Record<string, unknown>> {
  let changes: Map<string, unknown> | undefined;
  for (const [name, field] of entries) {
    const value = Object.hasOwn(record, name) ? record[name] : undefined;
    if (value === undefined) continue;
    const mapped = walkValue(field, value, { parent: place, part: name }, walk);
    if (mapped !== value) (changes ??= new Map<string, unknown>()).set(name, mapped);
  }
  if (changes === undefined) return record;
  // fromEntries defines own properties, so that a key called `__proto__` is only a name.
  return Object.fromEntries(
    Object.entries(record)
      .map(([name, value]) => [name, changes.has(name) ? changes.get(name) : value] as const)
      .filter(([, value]) => value !== omit),
  );
}

const allEntries = new WeakMap<Fields, Entries>();

/** Returns the fields with their names; remembered, since schemas live as long as the process. */
export function entriesOf(fields: Fields): Entries {
  const known = allEntries.get(fields);
  if (known !== undefined) return known;
  const entries = Object.entries(fields);
  allEntries.set(fields, entries);
  return entries;
}

const heldEntries = new WeakMap<FieldTest, WeakMap<Fields, Entries>>();

function heldEntriesOf(fields: Fields, test: FieldTest): Entries {
  const byFields = heldEntries.get(test) ?? new WeakMap<Fields, Entries>();
  heldEntries.set(test, byFields);
  const known = byFields.get(fields);
  if (known !== undefined) return known;
  const entries = entriesOf(fields).filter(([, field]) => test(field));
  byFields.set(fields, entries);
  return entries;
}
