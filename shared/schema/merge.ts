import { isRecord } from './is-record.ts';
import type { Fields } from './field.ts';

/**
 * Returns the record that a PATCH asks for: records are merged deeply, everything else is replaced, null clears. The result is
 * still to be checked.
 */
export function mergePatch(
  fields: Fields,
  current: Readonly<Record<string, unknown>>,
  patch: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged = new Map<string, unknown>(Object.entries(current));
  for (const [name, value] of Object.entries(patch)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    const old = merged.get(name);
    const deep = field?.type === 'record' && field.fields !== undefined && isRecord(value) && isRecord(old);
    merged.set(name, deep ? mergePatch(field.fields, old, value) : value);
  }
  return Object.fromEntries(merged);
}
