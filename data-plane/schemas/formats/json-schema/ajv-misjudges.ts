import { isRecord } from '../../../../shared/schema/is-record.ts';
import type { Steps } from '../steps.ts';
import type { JsonSchema } from './dialect.ts';

/**
 * Keywords by which Ajv 8 judges otherwise than the official test suite: it resolves dynamic references to the root or
 * calls itself without end, and loses what `contains`, nested arrays or a lone `if` have evaluated.
 */
const misjudgedKeywords: ReadonlySet<string> = new Set([
  '$dynamicRef',
  '$recursiveRef',
  'unevaluatedItems',
  'unevaluatedProperties',
  // Ajv leaves out a member of this name in maps of schemas.
  '__proto__',
]);
const dataKeywords: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'examples']);

export interface SchemaTraits {
  /** Ajv would judge some values wrongly. */
  readonly ajvMisjudges: boolean;
  /** Some schema asks for what others have evaluated. */
  readonly tracks: boolean;
}

/** Looks for what sends a schema to the conforming judge. Keywords are found also where they are none, which costs time only. */
export function* traitsOf(documents: readonly JsonSchema[]): Steps<SchemaTraits> {
  let [ajvMisjudges, tracks] = [false, false];
  const pending: { readonly value: unknown; readonly isRoot: boolean }[] = [];
  for (const value of documents) pending.push({ value, isRoot: true });
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    yield;
    const { value, isRoot } = next;
    if (Array.isArray(value)) for (const item of value) pending.push({ value: item, isRoot: false });
    if (!isRecord(value)) continue;
    for (const [keyword, inner] of Object.entries(value)) {
      if (misjudgedKeywords.has(keyword) || isMisjudgedId(keyword, inner, isRoot)) ajvMisjudges = true;
      if (keyword === 'unevaluatedItems' || keyword === 'unevaluatedProperties') tracks = true;
      if (!dataKeywords.has(keyword)) pending.push({ value: inner, isRoot: false });
    }
  }
  return { ajvMisjudges, tracks };
}

/** Ids within a schema, and those that are no hierarchical URI, can end in a reference that Ajv follows without end. */
function isMisjudgedId(keyword: string, value: unknown, isRoot: boolean): boolean {
  if ((keyword !== '$id' && keyword !== 'id') || typeof value !== 'string') return false;
  return !isRoot || /^(?!https?:)[a-z][a-z0-9+.-]*:/i.test(value);
}
