import type { Field, FieldFault, Fields } from './schema/field.ts';
import { isReference } from './vault-reference.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Replaces the references in every field marked `referenceable`: `{vault://env/NAME}` by the environment's variable of
 * that name, or, as Kong has it, of the name in upper case with underscores for hyphens. Every reference that cannot be
 * resolved is a fault under its own path.
 */
export function resolveReferences<T>(
  field: Field<T>,
  value: T,
  env: Environment,
): { readonly value: T; readonly faults: readonly FieldFault[] } {
  if (!holdsReferences(field)) return { value, faults: [] };
  const faults: FieldFault[] = [];
  const resolved = resolve(field, value, undefined, { env, faults });
  // Strings are replaced by strings and all else stays, so that the type does too.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { value: resolved as T, faults };
}

interface Context {
  readonly env: Environment;
  readonly faults: FieldFault[];
}

/** Where the walk is; turned into a list only for a fault. */
type Path = { readonly parent: Path; readonly part: string | number } | undefined;

const referenceHolders = new WeakMap<Field, boolean>();

/** Whether the field, or one within it, is marked `referenceable`: all others need no look at their values. */
function holdsReferences(field: Field): boolean {
  const known = referenceHolders.get(field);
  if (known !== undefined) return known;
  const inner = [...Object.values(field.fields ?? {}), field.elements, field.values];
  const holds = field.referenceable === true || inner.some((one) => one !== undefined && holdsReferences(one));
  referenceHolders.set(field, holds);
  return holds;
}

/** The value with its references replaced; the very same where there is none. */
function resolve(field: Field, value: unknown, path: Path, context: Context): unknown {
  if (!holdsReferences(field)) return value;
  if (typeof value === 'string') {
    return field.referenceable === true && isReference(value) ? look(value, listed(path), context) : value;
  }
  if (Array.isArray(value)) {
    const { elements } = field;
    return elements === undefined
      ? value
      : value.map((item: unknown, index) => resolve(elements, item, { parent: path, part: index }, context));
  }
  if (typeof value !== 'object' || value === null) return value;
  let replaced: Record<string, unknown> | undefined;
  for (const [name, inner] of innerHolders(field, value)) {
    const item: unknown = Reflect.get(value, name);
    const resolved = resolve(inner, item, { parent: path, part: name }, context);
    if (resolved !== item) (replaced ??= {})[name] = resolved;
  }
  return replaced === undefined ? value : { ...value, ...replaced };
}

const fieldHolders = new WeakMap<Fields, readonly (readonly [string, Field])[]>();

/** What within a record or map may hold references, by name. */
function innerHolders({ fields, values }: Field, value: object): readonly (readonly [string, Field])[] {
  if (fields === undefined)
    return values === undefined ? [] : Object.keys(value).map((name) => [name, values] as const);
  const known = fieldHolders.get(fields);
  if (known !== undefined) return known;
  const holders = Object.entries(fields).filter(([, inner]) => holdsReferences(inner));
  fieldHolders.set(fields, holders);
  return holders;
}

function listed(path: Path): (string | number)[] {
  const parts: (string | number)[] = [];
  for (let at = path; at !== undefined; at = at.parent) parts.push(at.part);
  return parts.toReversed();
}

function look(reference: string, path: readonly (string | number)[], { env, faults }: Context): string {
  const name = /^\{vault:\/\/env\/([A-Za-z_][A-Za-z0-9_-]*)\}$/.exec(reference)?.[1];
  if (name === undefined) {
    faults.push({ path, message: `cannot resolve ${reference}: only {vault://env/NAME} is known` });
    return reference;
  }
  const found = env[name] ?? env[name.toUpperCase().replaceAll('-', '_')];
  if (found === undefined) faults.push({ path, message: `cannot resolve ${reference}: the node has no such variable` });
  return found ?? reference;
}
