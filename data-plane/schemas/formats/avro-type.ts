/** A type of an Avro schema, with its names resolved. */
export type AvroType = AvroPrimitive | AvroRecord | AvroEnum | AvroFixed | AvroArray | AvroMap | AvroUnion;

export const primitiveNames = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'] as const;
export type PrimitiveName = (typeof primitiveNames)[number];

export interface AvroPrimitive {
  readonly kind: PrimitiveName;
  readonly logical: LogicalType | null;
}

export interface AvroRecord {
  readonly kind: 'record';
  /** The full name. */
  readonly name: string;
  fields: readonly AvroField[];
}

export interface AvroField {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly type: AvroType;
  /** The default as the schema gives it; undefined when it gives none. */
  readonly defaultValue: unknown;
}

export interface AvroEnum {
  readonly kind: 'enum';
  readonly name: string;
  readonly symbols: readonly string[];
}

export interface AvroFixed {
  readonly kind: 'fixed';
  readonly name: string;
  readonly size: number;
  readonly logical: LogicalType | null;
}

export interface AvroArray {
  readonly kind: 'array';
  readonly items: AvroType;
}

export interface AvroMap {
  readonly kind: 'map';
  readonly values: AvroType;
}

export interface AvroUnion {
  readonly kind: 'union';
  readonly branches: readonly AvroType[];
}

/** The attributes that a logical type puts on the type below it. */
export interface LogicalType {
  readonly name: string;
  readonly precision: number;
  readonly scale: number;
}

/** Returns how messages and tagged unions name a type. */
export function typeName(type: AvroType): string {
  return 'name' in type ? type.name : type.kind;
}
