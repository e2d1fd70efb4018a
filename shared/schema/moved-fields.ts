import { isDeepStrictEqual } from 'node:util';
import type { FieldFault } from './field.ts';
import { valueAt, withoutValueAt, withValueAt } from './value-at.ts';

/** A field of a plugin's config that has moved. Paths are dotted and lead through records only. */
export interface MovedField {
  /** The old place: it is still accepted, neither stored nor published, and sent to nodes that know no other. */
  readonly from: string;
  readonly to: string;
}

type Values = Readonly<Record<string, unknown>>;

/**
 * Moves what stands in old places to the new ones. Another value in the new place is a fault. Both planes run it: bodies,
 * documents, stored entities and snapshots of older versions may hold the old place.
 */
export function takeMovedFields(
  moved: readonly MovedField[],
  config: Values,
): { readonly config: Values; readonly faults: readonly FieldFault[] } {
  const faults: FieldFault[] = [];
  let taken = config;
  for (const { from, to } of moved) {
    const [old, place] = [from.split('.'), to.split('.')];
    const value = valueAt(taken, old);
    if (value === undefined) continue;
    const present = valueAt(taken, place) ?? null;
    if (value !== null && present !== null && !isDeepStrictEqual(value, present)) {
      faults.push({ path: old, message: `is deprecated and differs from '${to}', where it stands now` });
    }
    taken = withoutValueAt(taken, old);
    if (value !== null && present === null) taken = withValueAt(taken, place, value, { creates: true });
  }
  return { config: taken, faults };
}

/** Returns the config with the values of these fields in their old places, for a node that knows no other. */
export function giveMovedFieldsBack(moved: readonly MovedField[], config: Values): Values {
  let given = config;
  for (const { from, to } of moved) {
    const [old, place] = [from.split('.'), to.split('.')];
    const value = valueAt(given, place);
    if (value === undefined) continue;
    given = withValueAt(withoutValueAt(given, place), old, value);
  }
  return given;
}

/** Says which old places the config uses, in sentences for a client. */
export function movedFieldWarnings(moved: readonly MovedField[], config: Values): string[] {
  return moved
    .filter(({ from }) => (valueAt(config, from.split('.')) ?? null) !== null)
    .map(({ from, to }) => `config.${from} is deprecated: write config.${to}`);
}
