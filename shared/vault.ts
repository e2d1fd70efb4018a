import type { Field, FieldFault } from './schema/field.ts';
import { isRecord } from './schema/is-record.ts';
import { descend, holding, mapValue, pathOf, type Visitor } from './schema/walk.ts';
import { isOwnVariable, isReference, parseReference, upperCaseVariable } from './vault-reference.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Returns the variables that references may name on a node, by the names that references use. With a prefix, these are
 * the variables that begin with it, without it: with `KAFKA_`, the name `PASSWORD` stands for KAFKA_PASSWORD. Variables of
 * Sluice's own settings are left out, and so are those to which a setting points with `env:NAME`.
 */
export function vaultEnvironment(env: Environment, prefix = ''): Environment {
  const entries = Object.entries(env);
  const pointedTo = new Set(
    entries.flatMap(([name, value]) => (isOwnVariable(name) ? (/^env:(.+)$/s.exec(value ?? '')?.[1] ?? []) : [])),
  );
  const prefixes = [...new Set([prefix, upperCaseVariable(prefix)])];
  const visible = entries
    .filter(([name]) => !isOwnVariable(name) && !pointedTo.has(name))
    .flatMap(([name, value]) => {
      const found = prefixes.find((one) => name.startsWith(one));
      return found === undefined || name === found ? [] : [[name.slice(found.length), value] as const];
    });
  return Object.fromEntries(visible);
}

const holdsReferences = holding(({ referenceable }) => referenceable === true);

/**
 * Replaces the references in every field marked `referenceable`: `{vault://env/NAME}` by the environment's variable of
 * that name, or, as in Kong, of the name in upper case with underscores for hyphens; `{vault://env/NAME/KEY}` by a member
 * of the JSON object that the variable holds. Every reference that cannot be resolved is a fault under its own path.
 *
 * @param env of `vaultEnvironment`
 */
export function resolveReferences<T>(
  field: Field<T>,
  value: T,
  env: Environment,
): { readonly value: T; readonly faults: readonly FieldFault[] } {
  if (!holdsReferences(field)) return { value, faults: [] };
  const faults: FieldFault[] = [];
  const visit: Visitor = ({ referenceable }, text, place) => {
    if (referenceable !== true || typeof text !== 'string' || !isReference(text)) return descend;
    const found = lookUp(text, env);
    if (found.kind === 'text') return found.text;
    faults.push({ path: pathOf(place), message: `cannot resolve ${text}: ${found.reason}` });
    return text;
  };
  const resolved = mapValue(field, value, visit, { test: holdsReferences });
  // Strings are replaced by strings and everything else stays, so that the type does too.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { value: resolved as T, faults };
}

type Found =
  | { readonly kind: 'text'; readonly text: string }
  /** Quotes no value of the environment. */
  | { readonly kind: 'missing'; readonly reason: string };

function lookUp(text: string, env: Environment): Found {
  const parsed = parseReference(text);
  if (parsed.kind === 'fault') return { kind: 'missing', reason: parsed.message };
  const { name, key } = parsed.reference;
  const value = valueOf(env, name) ?? valueOf(env, upperCaseVariable(name));
  if (value === undefined) return { kind: 'missing', reason: 'the node has no such variable' };
  return key === undefined ? { kind: 'text', text: value } : memberOf(value, key);
}

function valueOf(env: Environment, name: string): string | undefined {
  return Object.hasOwn(env, name) ? env[name] : undefined;
}

function memberOf(json: string, key: string): Found {
  let object: unknown;
  try {
    object = JSON.parse(json);
  } catch {
    object = undefined;
  }
  if (!isRecord(object)) return { kind: 'missing', reason: 'the variable holds no JSON object' };
  const member = Object.hasOwn(object, key) ? object[key] : undefined;
  if (typeof member === 'string') return { kind: 'text', text: member };
  const reason = member === undefined ? 'has no such member' : 'has a member of this name that is no string';
  return { kind: 'missing', reason: `the variable's JSON object ${reason}` };
}
