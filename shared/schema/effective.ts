import type { Field } from './field.ts';
import { isRecord } from './is-record.ts';
import { descend, entriesOf, holding, mapRecord, mapValue, type Visitor } from './walk.ts';

const holdsOptionalRecords = holding(({ type, required }) => type === 'record' && required !== true);

/**
 * Returns the value as it is used: optional records that say nothing are null. Forms send such records, filled with
 * defaults, for whatever their user left alone.
 */
export function effectiveValue<T>(field: Field<T>, value: T): T {
  const used = mapValue(field, value, use, { test: holdsOptionalRecords });
  // An optional record may be null, so that the type stays.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return used as T;
}

const use: Visitor = (field, value) => {
  if (field.type !== 'record' || !isRecord(value)) return descend;
  if (field.required !== true && saysNothing(field, value)) return null;
  const kept = field.keeps?.(value) ?? [];
  if (kept.length === 0) return descend;
  const others = entriesOf(field.fields ?? {}).filter(([name]) => !kept.includes(name));
  return mapRecord(Object.fromEntries(others), value, use, { test: holdsOptionalRecords });
};

/**
 * Tells whether the value of a field says nothing: it is null, empty or the default, or a record of which every field is
 * so. The value need not be a checked one.
 */
export function saysNothing(field: Field, value: unknown): boolean {
  if (value === null || value === undefined || value === '') return true;
  if (field.type === 'record' && isRecord(value)) {
    const { fields = {} } = field;
    if (field.isIdle !== undefined) return field.isIdle(value);
    return Object.entries(value).every(([name, inner]) => {
      const innerField = Object.hasOwn(fields, name) ? fields[name] : undefined;
      return innerField !== undefined && saysNothing(innerField, inner);
    });
  }
  if (typeof value === 'object' && Object.keys(value).length === 0) return true;
  return isDefault(value, field.default);
}

function isDefault(value: unknown, standard: unknown): boolean {
  if (typeof value !== 'object') return value === standard;
  return standard !== undefined && JSON.stringify(value) === JSON.stringify(standard);
}
