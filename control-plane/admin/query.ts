/** Query parameters; of repeated ones the last. */
export type Query = ReadonlyMap<string, string>;

/** Returns the parameters of a query as the server parsed it. */
export function toQuery(query: unknown): Query {
  const values = new Map<string, string>();
  for (const [name, value] of Object.entries(query ?? {})) {
    const last: unknown = Array.isArray(value) ? value.at(-1) : value;
    if (typeof last === 'string') values.set(name, last);
  }
  return values;
}

/** Returns whether a flag is set: `=1` as Kong's clients write it, or `=true`. */
export function queryFlag(query: Query, name: string): boolean {
  const value = query.get(name);
  return value === '1' || value === 'true';
}
