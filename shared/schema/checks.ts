import type { FieldFault, RecordCheck } from './field.ts';

type Values = Readonly<Record<string, unknown>>;

/** Kong's `at_least_one_of`: one of the fields is set, and not to an empty list. */
export function atLeastOneOf(names: readonly string[]): RecordCheck {
  const message = `at least one of these fields must be non-empty: ${quoted(names)}`;
  return published({ at_least_one_of: names }, (record) =>
    names.some((name) => isSet(record[name])) ? [] : [fault(message)],
  );
}

/** Kong's `only_one_of`: one of the fields is set, or none. */
export function onlyOneOf(names: readonly string[]): RecordCheck {
  const message = `only one of these fields must be non-empty: ${quoted(names)}`;
  return published({ only_one_of: names }, (record) =>
    names.filter((name) => isSet(record[name])).length > 1 ? [fault(message)] : [],
  );
}

export interface ConditionalOptions {
  readonly field: string;
  /** The field whose value decides. */
  readonly ifField: string;
  /** Values of it with which `field` may be set, or must be. */
  readonly oneOf: readonly string[];
}

/** Kong's `mutually_required`. */
export function allOrNone(names: readonly string[]): RecordCheck {
  const message = `all or none of these fields must be set: ${quoted(names)}`;
  return published({ mutually_required: names }, (record) => {
    const given = names.filter((name) => isSet(record[name])).length;
    return given === 0 || given === names.length ? [] : [fault(message)];
  });
}

/** Kong's `distinct`: the fields that are set differ. */
export function distinct(names: readonly string[]): RecordCheck {
  const message = `values of these fields must be distinct: ${quoted(names)}`;
  return published({ distinct: names }, (record) => {
    const values = names.map((name) => record[name]).filter(isSet);
    return new Set(values).size === values.length ? [] : [fault(message)];
  });
}

/** Kong's `conditional`: a field must be null unless another has one of the values. */
export function nullUnless({ field, ifField, oneOf }: ConditionalOptions): RecordCheck {
  return conditional({
    ifField,
    ifMatch: { not_one_of: oneOf },
    applies: (value) => !oneOf.includes(value),
    field,
    thenMatch: { eq: null },
    check: (value) => (value === null ? undefined : 'value must be null'),
  });
}

/** Kong's `conditional`: a field must be set when another has one of the values. */
export function requiredWhen({ field, ifField, oneOf }: ConditionalOptions): RecordCheck {
  return conditional({
    ifField,
    ifMatch: { one_of: oneOf },
    applies: (value) => oneOf.includes(value),
    field,
    thenMatch: { required: true },
    check: (value) => (value === null ? 'required field missing' : undefined),
  });
}

export interface OneOfWhenOptions {
  readonly field: string;
  /** Values that `field` may have then. */
  readonly accepted: readonly string[];
  readonly ifField: string;
  readonly equals: string;
}

/** Kong's `conditional`: a field has one of the accepted values when another equals a value. */
export function oneOfWhen({ field, accepted, ifField, equals }: OneOfWhenOptions): RecordCheck {
  return conditional({
    ifField,
    ifMatch: { eq: equals },
    applies: (value) => value === equals,
    field,
    thenMatch: { one_of: accepted },
    check: (value) =>
      typeof value === 'string' && !accepted.includes(value) ? `expected one of: ${accepted.join(', ')}` : undefined,
  });
}

interface Conditional {
  readonly ifField: string;
  /** As it is published; `applies` is the same in code. */
  readonly ifMatch: object;
  readonly applies: (value: string) => boolean;
  readonly field: string;
  readonly thenMatch: object;
  readonly check: (value: unknown) => string | undefined;
}

function conditional({ ifField, ifMatch, applies, field, thenMatch, check }: Conditional): RecordCheck {
  const form = { if_field: ifField, if_match: ifMatch, then_field: field, then_match: thenMatch };
  return published({ conditional: form }, (record) => {
    const value = record[ifField];
    if (typeof value !== 'string' || !applies(value)) return [];
    const message = check(record[field]);
    if (message === undefined) return [];
    return [fault(`failed conditional validation given value of field '${ifField}'`), { path: [field], message }];
  });
}

/** Tells whether a value counts as given: it is neither null nor an empty list or map. */
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
