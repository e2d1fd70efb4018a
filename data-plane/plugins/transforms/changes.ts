/** Named values that can be changed: headers, arguments, the members of a JSON object. */
export interface NamedValues<Value> {
  has(name: string): boolean;
  remove(name: string): void;
  /** Gives the values of a name to another one, in place of those that it has. */
  rename(from: string, to: string): void;
  /** Puts a value in place of all that the name has; it may have none. */
  replace(name: string, value: Value): void;
  /** Adds a value beside those that the name has. */
  append(name: string, value: Value): void;
}

/** Changes in Kong's order; `make` computes the value for one request. */
export interface Changes<Value, Input> {
  readonly remove: readonly string[];
  readonly rename: readonly (readonly [from: string, to: string])[];
  readonly replace: readonly NamedChange<Value, Input>[];
  readonly add: readonly NamedChange<Value, Input>[];
  readonly append: readonly NamedChange<Value, Input>[];
}

export interface NamedChange<Value, Input> {
  readonly name: string;
  readonly make: (input: Input) => Value;
}

export function isEmpty({ remove, rename, replace, add, append }: Changes<unknown, never>): boolean {
  return [remove, rename, replace, add, append].every(({ length }) => length === 0);
}

/** Removes, renames, replaces what is there, adds what is not, and appends. */
export function applyChanges<Value, Input>(
  values: NamedValues<Value>,
  changes: Changes<Value, Input>,
  input: Input,
): void {
  for (const name of changes.remove) values.remove(name);
  for (const [from, to] of changes.rename) if (values.has(from)) values.rename(from, to);
  for (const { name, make } of changes.replace) if (values.has(name)) values.replace(name, make(input));
  for (const { name, make } of changes.add) if (!values.has(name)) values.replace(name, make(input));
  for (const { name, make } of changes.append) values.append(name, make(input));
}
