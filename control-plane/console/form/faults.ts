import { ApiError } from '../api/client.ts';
import { listOf, recordOf, textOf } from '../api/read.ts';

/** Faults in the shape of the entity, as the Admin API answers them. */
export type Faults = unknown;

const codeSchemaViolation = 2;

/** Returns the faults of a refused write at their fields. Of a conflict the fields are told with their values: the message stands at each. */
export function faultsOf(error: unknown): Faults {
  if (!(error instanceof ApiError)) return undefined;
  const { code, fields, message } = error.body;
  if (code === codeSchemaViolation) return fields;
  return Object.fromEntries(Object.keys(recordOf(fields)).map((name) => [name, message]));
}

/** Returns the faults below a field or a position. */
export function faultAt(faults: Faults, name: string | number): Faults {
  return typeof name === 'number' ? listOf(faults)[name] : recordOf(faults)[name];
}

/** Returns the words of the faults that stand at this place itself. */
export function faultText(faults: Faults): string | undefined {
  const own = textOf(faults);
  if (own !== undefined) return own;
  const entity = listOf(recordOf(faults)['@entity']).map(String);
  return entity.length === 0 ? undefined : entity.join('; ');
}

export function hasFaults(faults: Faults): boolean {
  return faults !== undefined && faults !== null && faults !== '';
}
