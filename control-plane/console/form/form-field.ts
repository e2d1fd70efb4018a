import { listOf, numberOf, recordOf, textOf } from '../api/read.ts';

/** A field of a published schema, as the form needs it. */
export interface FormField {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly defaultValue: unknown;
  readonly oneOf: readonly (string | number)[];
  readonly isSecret: boolean;
  readonly referenceable: boolean;
  /** The plural name of the kind that it refers to. */
  readonly reference: string | undefined;
  readonly description: string | undefined;
  readonly deprecation: string | undefined;
  readonly between: readonly [number, number] | undefined;
  readonly elements: FormField | undefined;
  readonly values: FormField | undefined;
  readonly fields: readonly FormField[];
}

/** Returns the fields of a published schema that a person fills in; ids and times are the store's. */
export function formFields(schema: unknown): readonly FormField[] {
  return listOf(recordOf(schema)['fields']).flatMap((entry) =>
    Object.entries(recordOf(entry)).flatMap(([name, field]) => {
      const { auto, uuid, eq } = recordOf(field);
      const isOnlyNull = 'eq' in recordOf(field) && eq === null;
      const isFilled = auto === true && (uuid === true || name.endsWith('_at'));
      return isOnlyNull || isFilled ? [] : [toField(name, field)];
    }),
  );
}

function toField(name: string, value: unknown): FormField {
  const field = recordOf(value);
  const [low, high] = listOf(field['between']);
  return {
    name,
    type: textOf(field['type']) ?? 'any',
    required: field['required'] === true,
    defaultValue: field['default'],
    oneOf: listOf(field['one_of']).filter((one) => typeof one === 'string' || typeof one === 'number'),
    isSecret: field['encrypted'] === true,
    referenceable: field['referenceable'] === true,
    reference: textOf(field['reference']),
    description: textOf(field['description']),
    deprecation: textOf(recordOf(field['deprecation'])['message']),
    between: numberOf(low) === undefined || numberOf(high) === undefined ? undefined : [Number(low), Number(high)],
    elements: field['elements'] === undefined ? undefined : toField('', field['elements']),
    values: field['values'] === undefined ? undefined : toField('', field['values']),
    fields: formFields(field),
  };
}

/** Returns whether a value says something else than the default. */
export function isSet({ defaultValue, type, fields }: FormField, value: unknown): boolean {
  if (value === undefined || value === null) return false;
  if (type === 'record') {
    if (defaultValue === undefined && fields.length === 0) return true;
    return fields.some((field) => isSet(field, recordOf(value)[field.name]));
  }
  if (Array.isArray(value) && value.length === 0 && defaultValue === undefined) return false;
  return JSON.stringify(value) !== JSON.stringify(defaultValue);
}

/** Returns the record with one field changed; undefined removes it, so that it gets its default. */
export function withField(value: unknown, name: string, changed: unknown): Readonly<Record<string, unknown>> {
  const rest = Object.entries(recordOf(value)).filter(([key]) => key !== name);
  return Object.fromEntries(changed === undefined ? rest : [...rest, [name, changed]]);
}
