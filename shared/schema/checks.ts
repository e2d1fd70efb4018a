import type { FieldFault, RecordCheck } from './field.ts';

type Values = Readonly<Record<string, unknown>>;

/** Kong's `at_least_one_of`: one of the fields is set, and not to an empty list. */
export function atLeastOneOf(names: readonly string[]): RecordCheck {
  const message = `at least one of these fields must be non-empty: ${quoted(names)}`;
  return published({ at_least_one_of: names }, (record) =>
    names.some((name) => isSet(record[name])) ? [] : [fault(message)],
  );
}

export interface NullUnlessOptions {
  readonly field: string;
  /** The field whose value decides. */
  readonly ifField: string;
  /** Values of it with which `field` may be set. */
  readonly oneOf: readonly string[];
}

/** Kong's `conditional`: a field must be null unless another has one of the values. */
export function nullUnless({ field, ifField, oneOf }: NullUnlessOptions): RecordCheck {
  const form = {
    conditional: { if_field: ifField, if_match: { not_one_of: oneOf }, then_field: field, then_match: { eq: null } },
  };
  return published({ ...form }, (record) => {
    const value = record[ifField];
    if (typeof value !== 'string' || oneOf.includes(value) || record[field] === null) return [];
    return [
      fault(`failed conditional validation given value of field '${ifField}'`),
      { path: [field], message: 'value must be null' },
    ];
  });
}

/** Whether a value counts as given: not null, and not an empty list or map. */
export function isSet(value: unknown): boolean {
  if (value === null || value === undefined) return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}

/** `'a', 'b'` */
export function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}

function published(form: object, check: (record: Values) => readonly FieldFault[]): RecordCheck {
  return Object.assign(check, { published: form });
}

function fault(message: string): FieldFault {
  return { path: [], message };
}
