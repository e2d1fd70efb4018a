import type { Field, FieldFault } from './schema/field.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Whether the text is a reference to be resolved where it is used. */
export function isReference(text: string): boolean {
  return text.startsWith('{vault://') && text.endsWith('}');
}

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
  const faults: FieldFault[] = [];
  const resolved = resolve(field, value, [], { env, faults });
  // Strings are replaced by strings and all else is copied, so that the type stays.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { value: resolved as T, faults };
}

interface Context {
  readonly env: Environment;
  readonly faults: FieldFault[];
}

function resolve(field: Field, value: unknown, path: readonly (string | number)[], context: Context): unknown {
  if (typeof value === 'string') {
    return field.referenceable === true && isReference(value) ? look(value, path, context) : value;
  }
  if (Array.isArray(value)) {
    const { elements } = field;
    return elements === undefined
      ? value
      : value.map((item: unknown, index) => resolve(elements, item, [...path, index], context));
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, item]: [string, unknown]) => {
    const inner = field.fields?.[name] ?? field.values;
    return [name, inner === undefined ? item : resolve(inner, item, [...path, name], context)];
  });
  return Object.fromEntries(entries);
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
