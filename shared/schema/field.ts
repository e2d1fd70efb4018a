/**
 * Field descriptors in the shape of Kong's schemas. One descriptor is the source of the published schema
 * (`GET /schemas/…`), of the checks and defaults (`check.ts`), and of the TypeScript type (`Infer`).
 */
export type FieldType =
  'string' | 'integer' | 'number' | 'boolean' | 'array' | 'set' | 'map' | 'record' | 'foreign' | 'any';

/** Options of every kind of field. Names and meanings are Kong's, in camel case. */
export interface FieldOptions {
  readonly required?: boolean;
  readonly default?: unknown;
  /** The store fills it when it is absent (id, created_at, …). */
  readonly auto?: boolean;
  readonly unique?: boolean;
  /** Only null is accepted (Kong's `eq: null`). */
  readonly eq?: null;
  readonly description?: string;
  /** Follows `required field missing`: what to write. */
  readonly missingHint?: string;
  readonly deprecation?: string;
  /**
   * Decides who may send or what is written (record, key, partition, target): a node that does not know the field must
   * not get a configuration that uses it. Holds for all fields within a record or list too, but those that say false.
   */
  readonly requiredToUnderstand?: boolean;
  /** Stored and sent to nodes, but neither published nor answered by the Admin API. */
  readonly internal?: true;
}

export interface StringOptions extends FieldOptions {
  readonly oneOf?: readonly string[];
  /** 1 when not given, as in Kong: the empty string is refused unless this is 0. */
  readonly lenMin?: number;
  readonly lenMax?: number;
  readonly uuid?: boolean;
  readonly startsWith?: string;
  /** May hold a reference such as `{vault://env/NAME}`. */
  readonly referenceable?: boolean;
  /** Encrypted at rest, masked in read-only answers. */
  readonly encrypted?: boolean;
  /** The text is the id of such an entity (plural name), which must be there. */
  readonly refersTo?: string;
  /** A further check of our own: the fault in Kong's words, or undefined when the value is good. */
  readonly check?: (value: string) => string | undefined;
  /** A check where an entity is written, and not where a stored one is read: what older versions took must stay usable. */
  readonly writeCheck?: (value: string) => string | undefined;
}

export interface NumberOptions extends FieldOptions {
  readonly between?: readonly [number, number];
  readonly gt?: number;
  readonly oneOf?: readonly number[];
}

export interface CollectionOptions extends FieldOptions {
  readonly lenMin?: number;
  readonly lenMax?: number;
}

/** Present on a descriptor of the kinds named; absent elsewhere. */
export interface Field<T = unknown> extends FieldOptions {
  readonly type: FieldType;
  readonly oneOf?: readonly (string | number)[];
  readonly between?: readonly [number, number];
  readonly gt?: number;
  readonly lenMin?: number;
  readonly lenMax?: number;
  readonly uuid?: boolean;
  readonly startsWith?: string;
  readonly referenceable?: boolean;
  readonly encrypted?: boolean;
  readonly refersTo?: string;
  readonly check?: (value: string) => string | undefined;
  readonly writeCheck?: (value: string) => string | undefined;
  /** array, set */
  readonly elements?: Field;
  /** map */
  readonly keys?: Field;
  readonly values?: Field;
  /** record */
  readonly fields?: Fields;
  /** record: checks over several fields; each fault stands under its own path. */
  readonly checks?: readonly RecordCheck[];
  /** record: tells whether it says nothing, where more than empty fields and defaults do not count. */
  readonly isIdle?: (record: Readonly<Record<string, unknown>>) => boolean;
  /** record: names the records within it that count even if they say nothing. */
  readonly keeps?: (record: Readonly<Record<string, unknown>>) => readonly string[];
  /** foreign: the plural name of the referenced entity. */
  readonly reference?: string;
  /** foreign: whether rows that refer to a deleted entity go with it or keep it from being deleted (the default). */
  readonly onDelete?: 'cascade';
  /** Only for the type system; never set. */
  readonly __type?: T;
}

export type Fields = Readonly<Record<string, Field>>;

/** A fault at a path inside the checked record; an empty path or '@entity' is the record itself. Positions count from 0. */
export interface FieldFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/**
 * A check over a whole, already typed and defaulted record. It is left out when it reads a field that is itself at
 * fault, so that one mistake is not reported twice.
 */
export interface RecordCheck {
  (record: Readonly<Record<string, unknown>>): readonly FieldFault[];
  /** How the check is published under `entity_checks`, where Kong has a form for it. */
  readonly published?: object;
}

/** Options with which a checked value is never null. Ids and times are always filled; a random word may have been cleared. */
type Present =
  | { readonly required: true }
  | { readonly default: string | number | boolean | object }
  | { readonly auto: true; readonly uuid: true };
type PresentNumber = Present | { readonly auto: true };
type Value<T, O, P = Present> = O extends P ? T : T | null;
type OneOf<O, T> = O extends { readonly oneOf: readonly (infer U)[] } ? U : T;

export type Infer<F> = F extends Field<infer T> ? T : never;
export type InferFields<F extends Fields> = { readonly [K in keyof F]: Infer<F[K]> };

export function string<const O extends StringOptions>(options?: O): Field<Value<OneOf<O, string>, O>> {
  return { type: 'string', ...options };
}

export function integer<const O extends NumberOptions>(options?: O): Field<Value<OneOf<O, number>, O, PresentNumber>> {
  return { type: 'integer', ...options };
}

export function number<const O extends NumberOptions>(options?: O): Field<Value<number, O, PresentNumber>> {
  return { type: 'number', ...options };
}

export function boolean<const O extends FieldOptions>(options?: O): Field<Value<boolean, O>> {
  return { type: 'boolean', ...options };
}

export function array<E extends Field, const O extends CollectionOptions>(
  elements: E,
  options?: O,
): Field<Value<readonly Infer<E>[], O>> {
  return { type: 'array', elements, ...options };
}

/** An array whose elements are unique; order is kept. */
export function set<E extends Field, const O extends CollectionOptions>(
  elements: E,
  options?: O,
): Field<Value<readonly Infer<E>[], O>> {
  return { type: 'set', elements, ...options };
}

export function map<V extends Field, const O extends CollectionOptions>(
  keys: Field,
  values: V,
  options?: O,
): Field<Value<Readonly<Record<string, Infer<V>>>, O>> {
  return { type: 'map', keys, values, ...options };
}

export interface RecordOptions extends FieldOptions {
  readonly checks?: readonly RecordCheck[];
  readonly isIdle?: (record: Readonly<Record<string, unknown>>) => boolean;
  readonly keeps?: (record: Readonly<Record<string, unknown>>) => readonly string[];
}

export function record<const F extends Fields, const O extends RecordOptions>(
  fields: F,
  options?: O,
): Field<Value<InferFields<F>, O>> {
  return { type: 'record', fields, ...options };
}

export interface ForeignOptions extends FieldOptions {
  readonly onDelete?: 'cascade';
}

/** A reference to another entity, answered as `{"id": …}`. */
export function foreign<const O extends ForeignOptions>(
  reference: string,
  options?: O,
): Field<Value<{ readonly id: string }, O>> {
  return { type: 'foreign', reference, ...options };
}

/** An element of an array, set or map that is always there: shorthand for `required: true`. */
export const element = { required: true } as const;
