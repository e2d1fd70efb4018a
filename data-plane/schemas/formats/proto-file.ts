/** The features of Protobuf's editions that decide how values are written. */
export interface ProtoFeatures {
  readonly field_presence: 'EXPLICIT' | 'IMPLICIT' | 'LEGACY_REQUIRED';
  readonly enum_type: 'OPEN' | 'CLOSED';
  readonly repeated_field_encoding: 'PACKED' | 'EXPANDED';
  readonly message_encoding: 'LENGTH_PREFIXED' | 'DELIMITED';
}

/** One .proto file as it was written; names of types are not resolved. */
export interface ProtoFile {
  readonly name: string;
  /** Empty where the file names none. */
  readonly packageName: string;
  readonly imports: readonly { readonly name: string; readonly isPublic: boolean }[];
  readonly messages: readonly ProtoMessage[];
  readonly enums: readonly ProtoEnum[];
  /** Full names of the services, which take part in the search for names. */
  readonly services: readonly string[];
}

export interface ProtoMessage {
  readonly kind: 'message';
  readonly name: string;
  /** Without a leading dot. */
  readonly fullName: string;
  /** A group's message, which has no place among the messages of its scope. */
  readonly isGroup: boolean;
  readonly fields: ProtoField[];
  readonly messages: ProtoMessage[];
  readonly enums: ProtoEnum[];
}

export interface ProtoEnum {
  readonly kind: 'enum';
  readonly name: string;
  readonly fullName: string;
  readonly features: FeatureScope;
  readonly values: ReadonlyMap<string, number>;
}

export type ProtoType = ProtoMessage | ProtoEnum;

export interface ProtoField {
  readonly name: string;
  readonly number: number;
  /** A scalar's name, or a type's as it was written. */
  readonly typeName: string;
  /** The type that the name means, set when all files are read; null for a scalar. */
  type: ProtoType | null;
  readonly label: 'optional' | 'required' | 'repeated' | null;
  /** The type of a map's keys; null where the field is no map. Its values are of `typeName`. */
  readonly keyType: string | null;
  readonly oneof: string | null;
  readonly isGroup: boolean;
  /** Whether `optional` is what gives the field presence. */
  readonly isProto3: boolean;
  readonly jsonName: string | null;
  readonly packed: boolean | null;
  readonly features: FeatureScope;
}

/** The features set on a definition, and those around it; an option may stand behind what it is about. */
export interface FeatureScope {
  readonly around: FeatureScope | null;
  own: Partial<ProtoFeatures>;
}

function featureOf<Name extends keyof ProtoFeatures>(scope: FeatureScope, name: Name): ProtoFeatures[Name] {
  for (let at: FeatureScope | null = scope; at !== null; at = at.around) {
    const value = at.own[name];
    if (value !== undefined) return value;
  }
  throw new Error(`the file sets no feature ${name}`);
}

export function isOpenEnum({ features }: ProtoEnum): boolean {
  return featureOf(features, 'enum_type') === 'OPEN';
}

export function isRequired({ label, keyType, oneof, features }: ProtoField): boolean {
  if (label === 'required') return true;
  const isSingle = label === null && keyType === null && oneof === null;
  return isSingle && featureOf(features, 'field_presence') === 'LEGACY_REQUIRED';
}

/** Tells whether a value of zero differs from no value. */
export function hasPresence({ type, label, oneof, isProto3, features }: ProtoField): boolean {
  if (type?.kind === 'message' || oneof !== null) return true;
  return isProto3 ? label === 'optional' : featureOf(features, 'field_presence') !== 'IMPLICIT';
}

/** Tells whether the items of a list stand in one block. */
export function isPacked({ type, typeName, packed, features }: ProtoField): boolean {
  if (type?.kind === 'message' || typeName === 'string' || typeName === 'bytes') return false;
  return packed ?? featureOf(features, 'repeated_field_encoding') === 'PACKED';
}

/** Tells whether a message stands between tags rather than behind its length. Maps and their values never do. */
export function isDelimited({ isGroup, keyType, features }: ProtoField): boolean {
  return isGroup || (keyType === null && featureOf(features, 'message_encoding') === 'DELIMITED');
}

/** Features by the file's `syntax` or `edition` line. */
export const defaultFeatures: Readonly<Record<string, ProtoFeatures>> = {
  proto2: {
    field_presence: 'EXPLICIT',
    enum_type: 'CLOSED',
    repeated_field_encoding: 'EXPANDED',
    message_encoding: 'LENGTH_PREFIXED',
  },
  proto3: {
    field_presence: 'IMPLICIT',
    enum_type: 'OPEN',
    repeated_field_encoding: 'PACKED',
    message_encoding: 'LENGTH_PREFIXED',
  },
  '2023': {
    field_presence: 'EXPLICIT',
    enum_type: 'OPEN',
    repeated_field_encoding: 'PACKED',
    message_encoding: 'LENGTH_PREFIXED',
  },
  '2024': {
    field_presence: 'EXPLICIT',
    enum_type: 'OPEN',
    repeated_field_encoding: 'PACKED',
    message_encoding: 'LENGTH_PREFIXED',
  },
};

export const scalarNames: ReadonlySet<string> = new Set([
  'double',
  'float',
  'int32',
  'int64',
  'uint32',
  'uint64',
  'sint32',
  'sint64',
  'fixed32',
  'fixed64',
  'sfixed32',
  'sfixed64',
  'bool',
  'string',
  'bytes',
]);
