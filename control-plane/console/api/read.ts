import { isRecord } from '../../../shared/schema/is-record.ts';

/** A record of unknown fields, as it comes from the Admin API. */
export type Values = Readonly<Record<string, unknown>>;

/** Returns the value as a record; an empty one when it is none. */
export function recordOf(value: unknown): Values {
  return isRecord(value) ? value : {};
}

/** Returns the value as a list; an empty one when it is none. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function recordsOf(value: unknown): readonly Values[] {
  return listOf(value).filter(isRecord);
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

/** Returns a value as people read it: a text as it is, all else as JSON. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === undefined ? '' : JSON.stringify(value);
}
