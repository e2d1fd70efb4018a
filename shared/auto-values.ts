import { randomBytes, randomUUID } from 'node:crypto';
import type { AutoValues } from './schema/check.ts';

/** Fills fields marked `auto`: random ids, 128 random bits in hex as words, the current time. */
export const autoValues: AutoValues = {
  uuid: () => randomUUID(),
  token: () => randomBytes(16).toString('hex'),
  now: () => Math.floor(Date.now() / 1000),
};
