import type { Field, Fields } from './field.ts';

/**
 * The dotted paths of all fields, in order; elements of lists and values of maps stand under the path of their list:
 * `bootstrap_servers`, `bootstrap_servers.host`.
 */
export function fieldPaths(fields: Fields, prefix = ''): readonly string[] {
  return Object.entries(fields).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    return [path, ...fieldPaths(innerFields(field), `${path}.`)];
  });
}

/**
 * Returns the dotted paths, in the form of `fieldPaths`, of all fields that a node must know to be sent a configuration
 * that uses them.
 */
export function requiredToUnderstandPaths(fields: Fields, prefix = '', inherited = false): readonly string[] {
  return Object.entries(fields).flatMap(([name, field]) => {
    const required = field.requiredToUnderstand ?? inherited;
    const path = `${prefix}${name}`;
    return [...(required ? [path] : []), ...requiredToUnderstandPaths(innerFields(field), `${path}.`, required)];
  });
}

/** The fields of a record, or of the records that a list or map holds; none for all else. */
export function innerFields(field: Field): Fields {
  if (field.fields !== undefined) return field.fields;
  const inner = field.elements ?? field.values;
  return inner === undefined ? {} : innerFields(inner);
}
