import { isRecord } from './is-record.ts';
import { isUuid } from '../uuid.ts';
import { isReference, parseReference } from '../vault-reference.ts';
import type { Field } from './field.ts';
import { isDigestMask } from './mask.ts';

export type Scalar =
  { readonly kind: 'ok'; readonly value: unknown } | { readonly kind: 'fault'; readonly message: string };

/** Checks a string, number or boolean; the message is Kong's. */
export function checkScalar(field: Field, value: unknown): Scalar {
  if (field.type === 'string') return checkString(field, value);
  if (field.type === 'boolean') return typeof value === 'boolean' ? ok(value) : fault('expected a boolean');
  if (field.type === 'integer') return checkInteger(field, value);
  return typeof value === 'number' && Number.isFinite(value) ? checkRange(field, value) : fault('expected a number');
}

function checkString(field: Field, value: unknown): Scalar {
  if (typeof value !== 'string') return fault(`expected a string${referenceHint(field, value)}`);
  // Half of a surrogate pair has no UTF-8 and would come back as another character.
  if (/\p{Surrogate}/u.test(value)) return fault('invalid value: not valid utf-8');
  if (field.referenceable === true && isReference(value)) {
    const parsed = parseReference(value);
    return parsed.kind === 'reference' ? ok(value) : fault(parsed.message);
  }
  if (field.encrypted === true && isDigestMask(value)) return fault('this is a masked secret: write the secret itself');
  if (field.oneOf !== undefined && !field.oneOf.includes(value))
    return fault(`expected one of: ${field.oneOf.join(', ')}`);
  if (field.uuid === true) return isUuid(value) ? ok(value.toLowerCase()) : fault('expected a valid UUID');
  const lenMin = field.lenMin ?? 1;
  if (value.length < lenMin) return fault(`length must be at least ${lenMin}`);
  if (field.lenMax !== undefined && value.length > field.lenMax) return fault(`length must be at most ${field.lenMax}`);
  if (field.startsWith !== undefined && !value.startsWith(field.startsWith)) {
    return fault(`should start with: ${field.startsWith}`);
  }
  const message = field.check?.(value);
  return message === undefined ? ok(value) : fault(message);
}

/** YAML reads a reference without quotes as a map with one key. */
function referenceHint({ referenceable }: Field, value: unknown): string {
  if (referenceable !== true || !isRecord(value)) return '';
  const [key, ...others] = Object.keys(value);
  return key?.startsWith('vault://') === true && others.length === 0
    ? `; write the reference in quotes: "{${key}}"`
    : '';
}

function checkInteger(field: Field, value: unknown): Scalar {
  if (typeof value !== 'number' || !Number.isInteger(value)) return fault('expected an integer');
  const range = checkRange(field, value);
  // Beyond 2^53 the number that was read may not be the one that was written: better refused than changed.
  return range.kind === 'ok' && !Number.isSafeInteger(value) ? fault('expected an integer') : range;
}

function checkRange(field: Field, value: number): Scalar {
  if (field.between !== undefined && (value < field.between[0] || value > field.between[1])) {
    return fault(`value should be between ${field.between[0]} and ${field.between[1]}`);
  }
  if (field.gt !== undefined && value <= field.gt) return fault(`value must be greater than ${field.gt}`);
  if (field.oneOf !== undefined && !field.oneOf.includes(value))
    return fault(`expected one of: ${field.oneOf.join(', ')}`);
  // JSON has no negative zero that survives a round trip.
  return ok(value === 0 ? 0 : value);
}

function ok(value: unknown): Scalar {
  return { kind: 'ok', value };
}

function fault(message: string): Scalar {
  return { kind: 'fault', message };
}
