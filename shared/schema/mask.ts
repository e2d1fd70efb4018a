import { createHmac } from 'node:crypto';
import { isReference } from '../vault-reference.ts';
import type { Field, Fields } from './field.ts';
import { descend, holding, mapRecord } from './walk.ts';

export const maskedText = '******';

/** Returns what stands for a secret where it may not be shown. */
export type Mask = (secret: unknown) => string;

/** Masks all secrets alike: for what is kept, where a digest could be guessed at leisure. */
export const uniformMask: Mask = () => maskedText;

const digestDigits = 12;
const digestPattern = new RegExp(`^\\*{6}:[0-9a-f]{${digestDigits}}$`);

/** Returns a mask that is the same for the same secret, and tells nothing else of it without the key. */
export function digestMask(key: Buffer): Mask {
  return (secret) => {
    const text = typeof secret === 'string' ? secret : JSON.stringify(secret);
    return `${maskedText}:${createHmac('sha256', key).update(text).digest('hex').slice(0, digestDigits)}`;
  };
}

/** Returns whether a text is what `digestMask` makes: nobody means it as a secret. */
export function isDigestMask(text: string): boolean {
  return digestPattern.test(text);
}

const holdsSecrets = holding(({ encrypted }) => encrypted === true);

/** Returns what readers see who may not see secrets: encrypted fields are masked, references to a vault stay readable. */
export function maskSecrets(
  fields: Fields,
  value: Readonly<Record<string, unknown>>,
  mask: Mask,
): Readonly<Record<string, unknown>> {
  const visit = (field: Field, inner: unknown): unknown => {
    if (field.encrypted !== true || inner === null) return descend;
    return typeof inner === 'string' && isReference(inner) ? inner : mask(inner);
  };
  return mapRecord(fields, value, visit, { test: holdsSecrets });
}
