/** Returns the values; a promise of them only where one of them is a promise. */
export function allReady<T>(values: readonly (T | Promise<T>)[]): readonly T[] | Promise<readonly T[]> {
  const [first] = values;
  // Promise.all costs several turns of promises.
  if (values.length === 1 && first instanceof Promise) return first.then((value) => [value]);
  return areReady(values) ? values : Promise.all(values);
}

function areReady<T>(values: readonly (T | Promise<T>)[]): values is readonly T[] {
  return !values.some((value) => value instanceof Promise);
}
