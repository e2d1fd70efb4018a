import { isDeepStrictEqual } from 'node:util';
import type { FieldFault, Fields, InferFields, RecordCheck } from '../schema/field.ts';

/** A check over the typed fields of a record. */
export function recordCheck<const F extends Fields>(
  _fields: F,
  check: (record: InferFields<F>) => readonly FieldFault[],
): RecordCheck {
  // Checks run only on a record that was typed and defaulted by the very fields it is declared with.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (record) => check(record as InferFields<F>);
}

/**
 * A check for fields that are published but not built yet: they accept their published default (or nothing, or an
 * empty list or map) and say so for any other value, so that a configuration never means less than it says.
 */
export function defaultOnly(fields: Fields, names: readonly string[]): RecordCheck {
  return (record) => {
    const faults: FieldFault[] = [];
    for (const name of names) {
      const value = record[name] ?? null;
      const published = fields[name]?.default ?? null;
      if (isDeepStrictEqual(value, published) || isEmpty(value)) continue;
      faults.push({ path: [name], message: `not supported yet: only ${JSON.stringify(published)} is accepted` });
    }
    return faults;
  };
}

function isEmpty(value: unknown): boolean {
  return value === null || (typeof value === 'object' && Object.keys(value).length === 0);
}
