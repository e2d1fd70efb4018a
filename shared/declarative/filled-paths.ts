import type { EntityDescriptor } from '../entities/entity.ts';
import type { Fields } from '../schema/field.ts';
import { valueAt } from '../schema/value-at.ts';
import { eachField } from '../schema/walk.ts';

/** Names from an entity down to a field that `auto` can fill. */
export type AutoPath = readonly string[];

/** Returns the fields that `auto` had to fill, since the document left them out. The id follows from the key and is none. */
export function filledPaths(entity: EntityDescriptor, input: Readonly<Record<string, unknown>>): readonly AutoPath[] {
  return autoPaths(entity.fields)
    .filter(({ path, isWord }) => {
      const value = valueAt(input, path);
      // A word that is null was cleared; a time that is null is made anew.
      return value === undefined || (value === null && !isWord);
    })
    .map(({ path }) => path);
}

interface AutoField {
  readonly path: AutoPath;
  readonly isWord: boolean;
}

const known = new WeakMap<Fields, readonly AutoField[]>();

function autoPaths(fields: Fields): readonly AutoField[] {
  const found =
    known.get(fields) ??
    Array.from(eachField(fields))
      .filter(({ path, field, isInList }) => field.auto === true && !isInList && path.at(-1) !== 'id')
      .map(({ path, field }) => ({ path, isWord: field.type === 'string' }));
  known.set(fields, found);
  return found;
}
