import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import { expiryField } from '../../shared/entities/expiry.ts';
import { isRecord } from '../../shared/schema/is-record.ts';

export interface ForeignColumn {
  readonly field: string;
  readonly column: string;
  /** Plural name of the referenced entity. */
  readonly reference: string;
  readonly cascade: boolean;
}

/** A field of a set whose values are unique together. */
export interface TogetherColumn {
  readonly name: string;
  readonly column: string;
  readonly isForeign: boolean;
}

/** The columns of one entity's table; all follow from the descriptor. */
export interface EntityColumns {
  /** The quoted name of the table. */
  readonly table: string;
  readonly foreign: readonly ForeignColumn[];
  readonly unique: readonly string[];
  readonly together: readonly (readonly TogetherColumn[])[];
  /** Whether entities expire; an expired one is never read. */
  readonly expires: boolean;
  /** The names of all columns: `id` first, `document` last. */
  readonly names: readonly string[];
}

/** Quotes the name of a table or column. Names come from our own descriptors, never from a request, and are checked all the same. */
export function quoteName(name: string): string {
  if (!/^[a-z_]+$/.test(name)) throw new Error(`Not a name of a table or column: ${name}`);
  return `"${name}"`;
}

/**
 * Returns the columns of an entity's table.
 *
 * @param known plural names of the entities that have tables: references to others stay in the document only
 */
export function entityColumns(entity: EntityDescriptor, known: ReadonlySet<string>): EntityColumns {
  const foreign = foreignColumns(entity, known);
  const unique = Object.entries(entity.fields).flatMap(([name, field]) => (field.unique === true ? [name] : []));
  const together = (entity.uniqueTogether ?? []).map((fields) => togetherColumns(fields, foreign));
  const plain = together.flat().filter(({ isForeign, name }) => !isForeign && !unique.includes(name));
  const expires = Object.hasOwn(entity.fields, expiryField);
  const names = [
    'id',
    ...unique,
    ...plain.map(({ name }) => name),
    ...foreign.map(({ column }) => column),
    ...(expires ? [expiryField] : []),
    'document',
  ];
  return { table: quoteName(entity.plural), foreign, unique, together, expires, names };
}

/** Returns a column's value: the id of a reference, a text, or null. */
export function columnScalar(value: unknown): unknown {
  return isRecord(value) ? value['id'] : (value ?? null);
}

function foreignColumns(entity: EntityDescriptor, known: ReadonlySet<string>): ForeignColumn[] {
  return Object.entries(entity.fields).flatMap(([field, { type, reference, onDelete }]) =>
    type === 'foreign' && reference !== undefined && known.has(reference)
      ? [{ field, column: `${field}_id`, reference, cascade: onDelete === 'cascade' }]
      : [],
  );
}

function togetherColumns(fields: readonly string[], foreign: readonly ForeignColumn[]): TogetherColumn[] {
  return fields.map((name) => {
    const reference = foreign.find(({ field }) => field === name);
    return { name, column: reference?.column ?? name, isForeign: reference !== undefined };
  });
}
