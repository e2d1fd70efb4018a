import type { Field, Fields } from './field.ts';
import { eachField } from './walk.ts';

/**
 * Returns the dotted paths of all fields, in order; elements of lists and values of maps stand under the path of their
 * list: `bootstrap_servers`, `bootstrap_servers.host`.
 */
export function fieldPaths(fields: Fields): readonly string[] {
  return [...new Set(Array.from(eachField(fields), ({ path }) => path.join('.')))];
}

/**
 * Returns the dotted paths, in the form of `fieldPaths`, of all fields that a node must know to be sent a configuration
 * that uses them.
 */
export function requiredToUnderstandPaths(fields: Fields): readonly string[] {
  const required = new Set<string>();
  for (const { path, field } of eachField(fields)) {
    const isInherited = required.has(path.slice(0, -1).join('.'));
    if (field.requiredToUnderstand ?? isInherited) required.add(path.join('.'));
  }
  return [...required];
}

/** Returns the fields of a record, or of the records that a list or map holds; none for all else. */
export function innerFields(field: Field): Fields {
  if (field.fields !== undefined) return field.fields;
  const inner = field.elements ?? field.values;
  return inner === undefined ? {} : innerFields(inner);
}
