import { checkScalar } from './check-scalar.ts';
import { effectiveValue, saysNothing } from './effective.ts';
import type { Field, FieldFault, Fields, RecordCheck } from './field.ts';
import { isRecord } from './is-record.ts';
import { entriesOf, pathOf, type Place } from './walk.ts';

/** Values for fields marked `auto` that a body leaves out. */
export interface AutoValues {
  readonly uuid: () => string;
  /** Makes a random word. */
  readonly token: () => string;
  /** Returns whole seconds since 1970. */
  readonly now: () => number;
}

export type Checked<T> =
  { readonly kind: 'ok'; readonly value: T } | { readonly kind: 'faults'; readonly faults: readonly FieldFault[] };

export type CheckedRecord = Checked<Record<string, unknown>>;

/** The form that a record must have. An entity descriptor is one. */
export interface RecordSchema {
  readonly fields: Fields;
  readonly checks?: readonly RecordCheck[];
}

/**
 * Checks a record and fills its defaults. All faults are reported at once; the value holds every declared field, absent
 * ones as null, and nothing else. Rules for what is absent or null:
 * absent: the default, a value of `auto` when it is given, an empty record where one is required, else null;
 * null: a fault where the field is required, the default where there is one, else null (also for `auto` words);
 * null for an `auto` id or time counts as absent.
 * An optional record that says nothing may lack required fields; checks over fields see it as null.
 */
export function checkRecord(schema: RecordSchema, input: unknown, auto?: AutoValues): CheckedRecord {
  const faults: FieldFault[] = [];
  if (!isRecord(input)) return { kind: 'faults', faults: [{ path: [], message: 'expected a record' }] };
  const value = checkFields(schema, input, { auto, faults }, undefined);
  return faults.length === 0 ? { kind: 'ok', value } : { kind: 'faults', faults };
}

/** Checks one value against its descriptor, as checkRecord does for the fields of a record. Paths are relative to it. */
export function checkField<T>(field: Field<T>, input: unknown, auto?: AutoValues): Checked<T> {
  const faults: FieldFault[] = [];
  const value = checkValue(field, input, { auto, faults }, undefined);
  // Without a fault the value has the type that the descriptor infers: this is the border where it is proven.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return faults.length === 0 ? { kind: 'ok', value: value as T } : { kind: 'faults', faults };
}

interface Walk {
  readonly auto: AutoValues | undefined;
  readonly faults: FieldFault[];
  /** Within an optional record that says nothing: required fields may be missing, and checks over fields do not run. */
  readonly isIdle?: boolean;
}

const none: Fields = {};

/** The fields of a record, or an entity. */
type CheckedFields = Pick<Field, 'fields' | 'checks' | 'keeps'>;

function checkFields(
  schema: CheckedFields,
  input: Record<string, unknown>,
  walk: Walk,
  path: Place,
): Record<string, unknown> {
  const { fields = none } = schema;
  const value: Record<string, unknown> = {};
  const bad: string[] = [];
  for (const [name, field] of entriesOf(fields)) {
    const before = walk.faults.length;
    value[name] = checkValue(field, Object.hasOwn(input, name) ? input[name] : undefined, walk, {
      parent: path,
      part: name,
    });
    if (walk.faults.length > before) bad.push(name);
  }
  for (const name of Object.keys(input)) {
    if (!Object.hasOwn(fields, name)) refuse(walk, { parent: path, part: name }, 'unknown field');
  }
  if (schema.checks !== undefined && schema.checks.length > 0 && walk.isIdle !== true) {
    const used = effectiveValue({ type: 'record', required: true, ...schema }, value);
    runChecks(schema.checks, used, bad, walk, path);
  }
  return value;
}

const touched = Symbol('a check read a field that is at fault');

function runChecks(
  checks: readonly RecordCheck[],
  value: Record<string, unknown>,
  bad: string[],
  walk: Walk,
  path: Place,
) {
  const guarded = bad.length === 0 ? value : guard(value, bad);
  for (const check of checks) {
    try {
      for (const fault of check(guarded)) {
        walk.faults.push({
          path: [...pathOf(path), ...(fault.path.length === 0 ? ['@entity'] : fault.path)],
          message: fault.message,
        });
      }
    } catch (error) {
      if (error !== touched) throw error;
    }
  }
}

/** A copy whose fields at fault cannot be read. */
function guard(value: Record<string, unknown>, bad: readonly string[]): Record<string, unknown> {
  const guarded = { ...value };
  for (const name of bad) {
    Object.defineProperty(guarded, name, {
      enumerable: true,
      get() {
        throw touched;
      },
    });
  }
  return guarded;
}

function checkValue(field: Field, input: unknown, walk: Walk, path: Place): unknown {
  const value = fill(field, input, walk.auto);
  if (value === null || value === undefined) {
    if (
      field.required === true &&
      walk.isIdle !== true &&
      !(field.auto === true && walk.auto === undefined && input === undefined)
    ) {
      refuse(walk, path, `required field missing${field.missingHint === undefined ? '' : `; ${field.missingHint}`}`);
    }
    return null;
  }
  if (field.eq === null) {
    refuse(walk, path, 'value must be null');
    return null;
  }
  return checkPresent(field, value, walk, path);
}

function checkPresent(field: Field, value: unknown, walk: Walk, path: Place): unknown {
  if (field.type === 'any') return value;
  if (field.type === 'array' || field.type === 'set') return checkList(field, value, walk, path);
  if (field.type === 'map') return checkMap(field, value, walk, path);
  if (field.type === 'foreign') return checkForeign(value, walk, path);
  if (field.type === 'record') {
    if (!isRecord(value)) return refuse(walk, path, 'expected a record');
    const isIdle = walk.isIdle === true || (field.required !== true && saysNothing(field, value));
    return checkFields(field, value, isIdle ? { ...walk, isIdle } : walk, path);
  }
  const checked = checkScalar(field, value);
  if (checked.kind === 'fault') return refuse(walk, path, checked.message);
  const { value: text } = checked;
  const message = walk.auto !== undefined && typeof text === 'string' ? field.writeCheck?.(text) : undefined;
  return message === undefined ? checked.value : refuse(walk, path, message);
}

function fill(field: Field, input: unknown, auto: AutoValues | undefined): unknown {
  if (input !== undefined && input !== null) return input;
  if (field.auto === true) {
    if (field.type === 'string' && field.uuid !== true) return input === undefined ? (auto?.token() ?? null) : null;
    if (auto === undefined) return null;
    return field.type === 'string' ? auto.uuid() : auto.now();
  }
  if (input === null && field.required === true) return null;
  if (field.default !== undefined && field.default !== null) return copy(field.default);
  if (input === undefined && field.type === 'record' && field.required === true) return {};
  return null;
}

/** A default is handed out as a copy. Defaults are plain JSON, for which this is many times faster than structuredClone. */
function copy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copy);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, copy(inner)]));
}

function checkList(field: Field, value: unknown, walk: Walk, path: Place): unknown {
  // An empty JSON object is how clients written in Lua send an empty list.
  const input = isRecord(value) && Object.keys(value).length === 0 ? [] : value;
  if (!Array.isArray(input)) return refuse(walk, path, field.type === 'set' ? 'expected a set' : 'expected an array');
  const elements = field.elements ?? { type: 'any' };
  const list = input.map((element: unknown, index) =>
    checkValue(elements, element, walk, { parent: path, part: index }),
  );
  const kept = field.type === 'set' ? unique(list) : list;
  checkLength(field, kept.length, walk, path);
  return kept;
}

/** The first of equal elements stays, as in Kong. */
function unique(list: readonly unknown[]): unknown[] {
  const seen = new Set<unknown>();
  return list.filter((element) => {
    const key = typeof element === 'object' ? JSON.stringify(element) : element;
    return seen.has(key) ? false : seen.add(key);
  });
}

function checkMap(field: Field, value: unknown, walk: Walk, path: Place): unknown {
  const input = Array.isArray(value) && value.length === 0 ? {} : value;
  if (!isRecord(input)) return refuse(walk, path, 'expected a map');
  const keys = field.keys ?? { type: 'string' };
  const values = field.values ?? { type: 'any' };
  const entries = Object.entries(input).map(([key, inner]) => {
    checkValue(keys, key, walk, { parent: path, part: key });
    return [key, checkValue(values, inner, walk, { parent: path, part: key })] as const;
  });
  checkLength(field, entries.length, walk, path);
  return Object.fromEntries(entries);
}

function checkLength(field: Field, length: number, walk: Walk, path: Place): void {
  const { lenMin, lenMax } = field;
  const short = lenMin !== undefined && length < lenMin;
  if (!short && (lenMax === undefined || length <= lenMax)) return;
  const wanted = lenMin === lenMax ? lenMin : short ? `at least ${lenMin}` : `at most ${lenMax}`;
  refuse(walk, path, `length must be ${wanted}`);
}

const idField: Field = { type: 'string', uuid: true };

/** `{"id"}` or `{"name"}`; further keys are ignored. A name is left for the store to resolve. */
function checkForeign(value: unknown, walk: Walk, path: Place): unknown {
  if (!isRecord(value)) return refuse(walk, path, 'expected a record');
  const { id, name } = value;
  if (id !== undefined && id !== null) {
    const checked = checkScalar(idField, id);
    return checked.kind === 'ok' ? { id: checked.value } : refuse(walk, { parent: path, part: 'id' }, checked.message);
  }
  if (typeof name === 'string' && name !== '') return { name };
  return refuse(walk, { parent: path, part: 'id' }, 'missing primary key');
}

function refuse(walk: Walk, path: Place, message: string): null {
  walk.faults.push({ path: pathOf(path), message });
  return null;
}
