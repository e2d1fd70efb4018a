import type { Fields } from './field.ts';
import { descend, eachField, holding, mapRecord, pathOf } from './walk.ts';

/** An id that a field of text holds, alone or in a list (`refersTo`). */
export interface IdReference {
  readonly path: readonly (string | number)[];
  /** Plural name of the entity whose id it is. */
  readonly plural: string;
  readonly id: string;
}

/** Most entities have no such field, and there may be very many of them. */
const holdsIds = holding(({ refersTo }) => refersTo !== undefined);

/** Returns all ids of other entities that a record holds as text, at any depth; the record is a checked one. */
export function idReferences(fields: Fields, value: Readonly<Record<string, unknown>>): readonly IdReference[] {
  const found: IdReference[] = [];
  mapRecord(
    fields,
    value,
    ({ refersTo }, inner, place) => {
      if (refersTo !== undefined && typeof inner === 'string')
        found.push({ path: pathOf(place), plural: refersTo, id: inner });
      return descend;
    },
    { test: holdsIds },
  );
  return found;
}

/** Returns the plural names of all entities that the fields may refer to by text. */
export function referredPlurals(fields: Fields): ReadonlySet<string> {
  return new Set(Array.from(eachField(fields), ({ field }) => field.refersTo).filter((plural) => plural !== undefined));
}
