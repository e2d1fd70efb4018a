import { isReference } from '../vault-reference.ts';
import type { Field, Fields } from './field.ts';
import { descend, holding, mapRecord } from './walk.ts';

export const maskedText = '******';

const holdsSecrets = holding(({ encrypted }) => encrypted === true);

/** Returns what readers see who may not see secrets: encrypted fields are masked, references to a vault stay readable. */
export function maskSecrets(
  fields: Fields,
  value: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return mapRecord(fields, value, maskValue, { test: holdsSecrets });
}

function maskValue(field: Field, value: unknown): unknown {
  if (field.encrypted !== true || value === null) return descend;
  return typeof value === 'string' && isReference(value) ? value : maskedText;
}
