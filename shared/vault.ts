import type { Field, FieldFault } from './schema/field.ts';
import { descend, holding, mapValue, pathOf, type Visitor } from './schema/walk.ts';
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
  const visit: Visitor = ({ referenceable }, text, place) =>
    referenceable === true && typeof text === 'string' && isReference(text)
      ? look(text, pathOf(place), { env, faults })
      : descend;
  const resolved = mapValue(field, value, visit, { test: holdsReferences });
  // Strings are replaced by strings and all else stays, so that the type does too.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { value: resolved as T, faults };
}

interface Context {
  readonly env: Environment;
  readonly faults: FieldFault[];
}

const holdsReferences = holding(({ referenceable }) => referenceable === true);

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
