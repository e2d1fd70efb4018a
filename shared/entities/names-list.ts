import { element, set, string, type Field } from '../schema/field.ts';
import type { NamesList } from './entity.ts';

/** The list of names as a field of the parent, for what checks, types and documents it. */
export function namesField({ child }: NamesList): Field {
  const { check, description } = child.fields[child.key] ?? {};
  return set(string({ ...element, ...(check && { check }), ...(description !== undefined && { description }) }));
}
