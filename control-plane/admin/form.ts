import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import { namesField } from '../../shared/entities/names-list.ts';
import type { Field, Fields } from '../../shared/schema/field.ts';

/** Name and text of one field of a form: `config.topic`, `a`. */
export type FormEntry = readonly [name: string, text: string];

type Values = Map<string, unknown>;

/** Returns all fields that a form for an entity may name, write-only ones included. */
export function formFields({ fields, shorthands, names }: EntityDescriptor): Fields {
  return { ...fields, ...shorthands, ...(names === undefined ? {} : { [names.field]: namesField(names) }) };
}

/**
 * Returns a form as a record: dotted names go into records, maps and references, `tags[]=x` and `tags[1]=x`
 * into lists, and texts become numbers and booleans where the schema says so. An empty text is null. A text that does not fit
 * stays, so that the check reports it.
 */
export function formToRecord(fields: Fields, entries: readonly FormEntry[]): Record<string, unknown> {
  const values: Values = new Map();
  for (const [name, text] of entries) assign(values, fields, name, text);
  return finishRecord(values);
}

function assign(values: Values, fields: Fields, name: string, text: string): void {
  const { head, index, rest } = split(name);
  const field = Object.hasOwn(fields, head) ? fields[head] : undefined;
  if (field === undefined) {
    values.set(name, text);
    return;
  }
  values.set(head, place(values.get(head), field, index, rest, text));
}

interface Name {
  readonly head: string;
  /** `''` for `[]`, a number as text for `[1]`. */
  readonly index: string | undefined;
  /** The part after the dot. */
  readonly rest: string | undefined;
}

function split(name: string): Name {
  const [, head = name, index, rest] = /^([^.[]+)(?:\[(\d{0,5})\])?(?:\.(.+))?$/s.exec(name) ?? [];
  return { head, index, rest };
}

/** Returns the value of a field after one more text is put into it. */
function place(old: unknown, field: Field, index: string | undefined, rest: string | undefined, text: string): unknown {
  if (field.type === 'array' || field.type === 'set') return placeInList(old, field, index, rest, text);
  if (rest === undefined) return typed(field, text);
  const values: Values = old instanceof Map ? old : new Map();
  if (field.type === 'map') {
    // Keys of a map may hold dots: only a list's brackets at the end are syntax.
    const [, key = rest, inner] = /^(.*?)(?:\[(\d{0,5})\])?$/s.exec(rest) ?? [];
    values.set(key, place(values.get(key), field.values ?? { type: 'any' }, inner, undefined, text));
  } else if (field.type === 'foreign') {
    values.set(rest, text);
  } else {
    assign(values, field.fields ?? {}, rest, text);
  }
  return values;
}

function placeInList(
  old: unknown,
  field: Field,
  index: string | undefined,
  rest: string | undefined,
  text: string,
): unknown {
  const elements = field.elements ?? { type: 'any' };
  if (index === undefined && rest === undefined && text === '') return null;
  const list: unknown[] = Array.isArray(old) ? old : [];
  const position = index === undefined || index === '' ? list.length : Math.max(Number(index), 1) - 1;
  // Positions far beyond the end would make a list of holes.
  const at = Math.min(position, list.length);
  list[at] = place(list[at], elements, undefined, rest, text);
  return list;
}

function typed(field: Field, text: string): unknown {
  if (text === '') return null;
  if (field.type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  if (field.type === 'integer' || field.type === 'number') {
    return /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? Number(text) : text;
  }
  return text;
}

function finishRecord(values: Values): Record<string, unknown> {
  return Object.fromEntries([...values].map(([name, value]) => [name, finish(value)]));
}

function finish(value: unknown): unknown {
  if (value instanceof Map) return finishRecord(value as Values);
  return Array.isArray(value) ? value.map(finish) : value;
}
