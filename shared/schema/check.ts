import { checkScalar } from './check-scalar.ts';
import type { Field, FieldFault, Fields, RecordCheck } from './field.ts';

/** Values for fields marked `auto` that a body leaves out. */
export interface AutoValues {
  uuid(): string;
  /** A random word. */
  token(): string;
  /** Whole seconds since 1970. */
  now(): number;
}

export type Checked<T> =
  { readonly kind: 'ok'; readonly value: T } | { readonly kind: 'faults'; readonly faults: readonly FieldFault[] };

export type CheckedRecord = Checked<Record<string, unknown>>;

/** What a record must look like: an entity descriptor is one. */
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
 */
export function checkRecord(schema: RecordSchema, input: unknown, auto?: AutoValues): CheckedRecord {
  const faults: FieldFault[] = [];
  if (!isRecord(input)) return { kind: 'faults', faults: [{ path: [], message: 'expected a record' }] };
  const value = checkFields(schema, input, { auto, faults }, []);
  return faults.length === 0 ? { kind: 'ok', value } : { kind: 'faults', faults };
}

/** Checks one value against its descriptor, as checkRecord does for the fields of a record. Paths are relative to it. */
export function checkField<T>(field: Field<T>, input: unknown, auto?: AutoValues): Checked<T> {
  const faults: FieldFault[] = [];
  const value = checkValue(field, input, { auto, faults }, []);
  // Without a fault the value has the type that the descriptor infers: this is the border where it is proven.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return faults.length === 0 ? { kind: 'ok', value: value as T } : { kind: 'faults', faults };
}

/** Whether the value is a JSON object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

interface Walk {
  readonly auto: AutoValues | undefined;
  readonly faults: FieldFault[];
}

type Path = readonly (string | number)[];

function checkFields(
  schema: RecordSchema,
  input: Record<string, unknown>,
  walk: Walk,
  path: Path,
): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  const bad: string[] = [];
  for (const [name, field] of Object.entries(schema.fields)) {
    const before = walk.faults.length;
    value[name] = checkValue(field, Object.hasOwn(input, name) ? input[name] : undefined, walk, [...path, name]);
    if (walk.faults.length > before) bad.push(name);
  }
  for (const name of Object.keys(input)) {
    if (!Object.hasOwn(schema.fields, name)) walk.faults.push({ path: [...path, name], message: 'unknown field' });
  }
  if (schema.checks !== undefined && schema.checks.length > 0) runChecks(schema.checks, value, bad, walk, path);
  return value;
}

const touched = Symbol('a check read a field that is at fault');

function runChecks(
  checks: readonly RecordCheck[],
  value: Record<string, unknown>,
  bad: string[],
  walk: Walk,
  path: Path,
) {
  const guarded: Record<string, unknown> = { ...value };
  for (const name of bad) {
    Object.defineProperty(guarded, name, {
      enumerable: true,
      get() {
        throw touched;
      },
    });
  }
  for (const check of checks) {
    try {
      for (const fault of check(guarded)) {
        walk.faults.push({
          path: [...path, ...(fault.path.length === 0 ? ['@entity'] : fault.path)],
          message: fault.message,
        });
      }
    } catch (error) {
      if (error !== touched) throw error;
    }
  }
}

function checkValue(field: Field, input: unknown, walk: Walk, path: Path): unknown {
  const value = fill(field, input, walk.auto);
  if (value === null || value === undefined) {
    if (field.required === true && !(field.auto === true && walk.auto === undefined && input === undefined)) {
      walk.faults.push({ path, message: 'required field missing' });
    }
    return null;
  }
  if (field.eq === null) {
    walk.faults.push({ path, message: 'value must be null' });
    return null;
  }
  return checkPresent(field, value, walk, path);
}

function checkPresent(field: Field, value: unknown, walk: Walk, path: Path): unknown {
  if (field.type === 'any') return value;
  if (field.type === 'array' || field.type === 'set') return checkList(field, value, walk, path);
  if (field.type === 'map') return checkMap(field, value, walk, path);
  if (field.type === 'foreign') return checkForeign(value, walk, path);
  if (field.type === 'record') {
    if (!isRecord(value)) return refuse(walk, path, 'expected a record');
    return checkFields({ fields: field.fields ?? {}, checks: field.checks ?? [] }, value, walk, path);
  }
  const checked = checkScalar(field, value);
  return checked.kind === 'ok' ? checked.value : refuse(walk, path, checked.message);
}

function fill(field: Field, input: unknown, auto: AutoValues | undefined): unknown {
  if (input !== undefined && input !== null) return input;
  if (field.auto === true) {
    if (field.type === 'string' && field.uuid !== true) return input === undefined ? (auto?.token() ?? null) : null;
    if (auto === undefined) return null;
    return field.type === 'string' ? auto.uuid() : auto.now();
  }
  if (input === null && field.required === true) return null;
  if (field.default !== undefined && field.default !== null) return structuredClone(field.default);
  if (input === undefined && field.type === 'record' && field.required === true) return {};
  return null;
}

function checkList(field: Field, value: unknown, walk: Walk, path: Path): unknown {
  // An empty JSON object is how clients written in Lua send an empty list.
  const input = isRecord(value) && Object.keys(value).length === 0 ? [] : value;
  if (!Array.isArray(input)) return refuse(walk, path, field.type === 'set' ? 'expected a set' : 'expected an array');
  const elements = field.elements ?? { type: 'any' };
  const list = input.map((element: unknown, index) => checkValue(elements, element, walk, [...path, index]));
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

function checkMap(field: Field, value: unknown, walk: Walk, path: Path): unknown {
  const input = Array.isArray(value) && value.length === 0 ? {} : value;
  if (!isRecord(input)) return refuse(walk, path, 'expected a map');
  const keys = field.keys ?? { type: 'string' };
  const values = field.values ?? { type: 'any' };
  const entries = Object.entries(input).map(([key, inner]) => {
    checkValue(keys, key, walk, [...path, key]);
    return [key, checkValue(values, inner, walk, [...path, key])] as const;
  });
  checkLength(field, entries.length, walk, path);
  return Object.fromEntries(entries);
}

function checkLength(field: Field, length: number, walk: Walk, path: Path): void {
  const { lenMin, lenMax } = field;
  if (lenMin !== undefined && length < lenMin) {
    walk.faults.push({
      path,
      message: lenMin === lenMax ? `length must be ${lenMin}` : `length must be at least ${lenMin}`,
    });
  } else if (lenMax !== undefined && length > lenMax) {
    walk.faults.push({
      path,
      message: lenMin === lenMax ? `length must be ${lenMax}` : `length must be at most ${lenMax}`,
    });
  }
}

const idField: Field = { type: 'string', uuid: true };

/** `{"id"}` or `{"name"}`; further keys are ignored. A name is left for the store to resolve. */
function checkForeign(value: unknown, walk: Walk, path: Path): unknown {
  if (!isRecord(value)) return refuse(walk, path, 'expected a record');
  const { id, name } = value;
  if (id !== undefined && id !== null) {
    const checked = checkScalar(idField, id);
    return checked.kind === 'ok' ? { id: checked.value } : refuse(walk, [...path, 'id'], checked.message);
  }
  if (typeof name === 'string' && name !== '') return { name };
  return refuse(walk, [...path, 'id'], 'missing primary key');
}

function refuse(walk: Walk, path: Path, message: string): null {
  walk.faults.push({ path, message });
  return null;
}
