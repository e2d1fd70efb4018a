import { isReference } from '../vault-reference.ts';
import { isRecord } from './check.ts';
import type { Field, Fields } from './field.ts';

export const maskedText = '******';

/** A copy for readers who may not see secrets: encrypted fields are masked, references to a vault stay readable. */
export function maskSecrets(fields: Fields, value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
      return [name, field === undefined ? inner : maskValue(field, inner)];
    }),
  );
}

function maskValue(field: Field, value: unknown): unknown {
  if (value === null) return null;
  if (field.encrypted === true) return typeof value === 'string' && isReference(value) ? value : maskedText;
  if (Array.isArray(value) && field.elements !== undefined) {
    const { elements } = field;
    return value.map((element: unknown) => maskValue(elements, element));
  }
  if (!isRecord(value)) return value;
  if (field.type === 'record' && field.fields !== undefined) return maskSecrets(field.fields, value);
  if (field.type === 'map' && field.values !== undefined) {
    const { values } = field;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, maskValue(values, inner)]));
  }
  return value;
}
