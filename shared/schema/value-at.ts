import { isRecord } from './is-record.ts';

type Values = Readonly<Record<string, unknown>>;

/** Returns the value at the path; undefined where the path leads nowhere. */
export function valueAt(record: Values, path: readonly string[]): unknown {
  let value: unknown = record;
  for (const name of path) value = isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return value;
}

/**
 * Returns the record with the value at the path. Records on the way that are absent or null are made where `creates` is
 * true; otherwise, and where something else stands there, the record is returned as it is.
 */
export function withValueAt(
  record: Values,
  path: readonly string[],
  value: unknown,
  { creates = false }: { readonly creates?: boolean } = {},
): Values {
  const [name = '', ...rest] = path;
  if (rest.length === 0) return { ...record, [name]: value };
  const inner = record[name] ?? (creates ? {} : undefined);
  return isRecord(inner) ? { ...record, [name]: withValueAt(inner, rest, value, { creates }) } : record;
}

/** Returns the record without the field at the path. */
export function withoutValueAt(record: Values, path: readonly string[]): Values {
  const [name = '', ...rest] = path;
  const { [name]: inner, ...others } = record;
  if (rest.length === 0) return others;
  return isRecord(inner) ? { ...record, [name]: withoutValueAt(inner, rest) } : record;
}
