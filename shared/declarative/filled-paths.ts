import type { EntityDescriptor } from '../entities/entity.ts';
import { isRecord } from '../schema/check.ts';
import type { Field, Fields } from '../schema/field.ts';

/** Names from an entity down to a field that `auto` can fill. */
export type AutoPath = readonly string[];

/** The fields that `auto` had to fill, since the document left them out. The id, which follows from the key, is none. */
export function filledPaths(entity: EntityDescriptor, input: Readonly<Record<string, unknown>>): readonly AutoPath[] {
  return autoPaths(entity.fields)
    .filter(({ path, isWord }) => {
      const value = valueAt(input, path);
      // A word that is null was cleared; a time that is null is made anew.
      return value === undefined || (value === null && !isWord);
    })
    .map(({ path }) => path);
}

/** Undefined where the path leads nowhere. */
export function valueAt(record: Readonly<Record<string, unknown>>, path: AutoPath): unknown {
  let value: unknown = record;
  for (const name of path) value = isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return value;
}

interface AutoField {
  readonly path: AutoPath;
  readonly isWord: boolean;
}

const known = new WeakMap<Fields, readonly AutoField[]>();

function autoPaths(fields: Fields): readonly AutoField[] {
  const found = known.get(fields) ?? Object.entries(fields).flatMap(([name, field]) => autoPathsOf(name, field));
  known.set(fields, found);
  return found;
}

function autoPathsOf(name: string, field: Field): readonly AutoField[] {
  if (field.auto === true) return name === 'id' ? [] : [{ path: [name], isWord: field.type === 'string' }];
  if (field.type !== 'record' || field.fields === undefined) return [];
  return autoPaths(field.fields).map(({ path, isWord }) => ({ path: [name, ...path], isWord }));
}
