import type { Field, Fields, RecordCheck } from './field.ts';

/** A schema as Kong publishes it: fields are an array of one-key objects, in order. */
export interface PublishedSchema {
  readonly fields: readonly Readonly<Record<string, PublishedField>>[];
  readonly entity_checks: readonly object[];
}

export type PublishedField = Readonly<Record<string, unknown>>;

/** Returns descriptors in Kong's published form, with its snake_case names. Checks without a form in Kong are left out. */
export function publishSchema(schema: { fields: Fields; checks?: readonly RecordCheck[] }): PublishedSchema {
  return { fields: publishFields(schema.fields), entity_checks: publishChecks(schema.checks) };
}

export function publishField(field: Field): PublishedField {
  const published = {
    type: field.type,
    required: field.required,
    default: field.default,
    auto: field.auto,
    unique: field.unique,
    uuid: field.uuid,
    reference: field.reference,
    on_delete: field.onDelete,
    one_of: field.oneOf,
    between: field.between,
    gt: field.gt,
    len_min: field.lenMin,
    len_max: field.lenMax,
    starts_with: field.startsWith,
    referenceable: field.referenceable,
    encrypted: field.encrypted,
    description: field.description,
    deprecation: field.deprecation === undefined ? undefined : { message: field.deprecation },
    elements: field.elements === undefined ? undefined : publishField(field.elements),
    keys: field.keys === undefined ? undefined : publishField(field.keys),
    values: field.values === undefined ? undefined : publishField(field.values),
    fields: field.fields === undefined ? undefined : publishFields(field.fields),
    entity_checks: field.checks === undefined ? undefined : nonEmpty(publishChecks(field.checks)),
  };
  const entries = Object.entries(published).filter(([, value]) => value !== undefined);
  // `eq: null` says that only null is accepted; the entry itself is null.
  return Object.fromEntries(field.eq === null ? [...entries, ['eq', null]] : entries);
}

function publishFields(fields: Fields): Readonly<Record<string, PublishedField>>[] {
  return Object.entries(fields).flatMap(([name, field]) =>
    field.internal === true ? [] : [{ [name]: publishField(field) }],
  );
}

function publishChecks(checks: readonly RecordCheck[] = []): object[] {
  return checks.flatMap(({ published }) => (published === undefined ? [] : [published]));
}

function nonEmpty(list: readonly object[]): readonly object[] | undefined {
  return list.length === 0 ? undefined : list;
}
