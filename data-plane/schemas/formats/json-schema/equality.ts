import { canonicalJson } from '../../../../shared/snapshot.ts';

/**
 * Makes a test whether a value equals one of these. Scalars, which are nearly all, are looked up as they are. It calls no
 * method of a value, whose place a client's member such as `toString` could take.
 */
export function equalTo(allowed: readonly unknown[]): (value: unknown) => boolean {
  const isDeep = (value: unknown): boolean => typeof value === 'object' && value !== null;
  const scalars = new Set(allowed.filter((value) => !isDeep(value)));
  const deep = new Set(allowed.filter(isDeep).map(canonicalJson));
  return (value) => (isDeep(value) ? deep.size > 0 && deep.has(canonicalJson(value)) : scalars.has(value));
}

/** Returns the positions of two equal items; undefined when each item is there once. Its time grows with the text. */
export function equalItems(items: readonly unknown[]): readonly [first: number, second: number] | undefined {
  const seen = new Map<string, number>();
  for (const [second, item] of items.entries()) {
    const text = canonicalJson(item);
    const first = seen.get(text);
    if (first !== undefined) return [first, second];
    seen.set(text, second);
  }
  return undefined;
}
