import avro, { type Type } from 'avsc';
import { arrayNode, mapNode } from './avro-containers.ts';
import { dateNode, decimalNode, timeOfDayNode, timestampNode, uuidNode } from './avro-logical.ts';
import { transcoderOf, type AvroNode, type Transcode } from './avro-node.ts';
import { recordNode } from './avro-record.ts';
import {
  booleanNode,
  bytesNode,
  doubleNode,
  enumNode,
  fixedNode,
  floatNode,
  intNode,
  longNode,
  nullNode,
  stringNode,
} from './avro-scalars.ts';
import { attemptsMax, unionNode } from './avro-union.ts';
import { AvroWriter } from './avro-writer.ts';
import { mayRound } from './exact-json.ts';
import {
  Faults,
  SchemaUnusableError,
  type CompiledSchema,
  type Format,
  type FormatOptions,
  type PayloadEncoding,
  type SchemaSource,
} from './format.ts';
import { JsonCursor } from './json-cursor.ts';
import { parseJsonText, parseJsonTextExactly } from './json-value.ts';

const { types } = avro;

/**
 * Avro's binary encoding (specification 1.11 and 1.12). avsc reads the schema (names, namespaces, aliases, references)
 * and encodes its defaults; values are checked and written by the nodes of this folder, because every fault of a value
 * is reported with its pointer and 64-bit numbers stay exact.
 */
export const avroFormat = {
  type: 'AVRO',
  compile(source: SchemaSource, { payloadEncoding }: FormatOptions): CompiledSchema {
    const type = parseSchema(source);
    const { node, hasDecimal } = compileNode(type, payloadEncoding);
    const textIsString = isStringType(type);
    // Decimals need the digits that JSON.parse loses.
    if (hasDecimal) return { textIsString, encode: (jsonText, prefix) => encode(node, true, jsonText, prefix) };
    const transcode = transcoderOf(node);
    return {
      textIsString,
      encode: (jsonText, prefix) =>
        transcodeAll(transcode, jsonText, prefix) ? writer.take() : encode(node, false, jsonText, prefix),
    };
  },
} as const satisfies Format;

/** One for all: encoding is synchronous and takes its bytes out at the end. */
const writer = new AvroWriter();
const cursor = new JsonCursor();

function encode(node: AvroNode, hasDecimal: boolean, jsonText: string, prefix: Buffer): Buffer {
  let value = parseJsonText(jsonText);
  let exact: unknown;
  const exactly = (): unknown => (exact ??= parseJsonTextExactly(jsonText));
  // A decimal cannot see that digits of its number were lost; a long can (the number is then too large to be exact).
  if (hasDecimal && mayRound(jsonText)) value = exactly();
  if (write(node, value, prefix) && !writer.sawRounded) return writer.take();
  if (writer.sawRounded) {
    value = exactly();
    if (write(node, value, prefix)) return writer.take();
  }
  // Numbers behind the first fault have not been looked at yet.
  if (mayRound(jsonText)) value = exactly();
  const faults = new Faults();
  writer.reset();
  writer.attemptsLeft = attemptsMax;
  node.explain(value, '', { faults, out: writer });
  throw faults.refusal();
}

/** Straight from text to bytes; false where the text is not of the common kind. */
function transcodeAll(transcode: Transcode, jsonText: string, prefix: Buffer): boolean {
  begin(prefix);
  return cursor.begin(jsonText) && transcode(cursor, writer) && cursor.isAtEnd() && !writer.sawRounded;
}

function write(node: AvroNode, value: unknown, prefix: Buffer): boolean {
  begin(prefix);
  return node.write(value, writer);
}

function begin(prefix: Buffer): void {
  writer.reset();
  writer.attemptsLeft = attemptsMax;
  writer.raw(prefix);
}

/** avsc's long over BigInt, so that a schema's default may be any whole number of 64 bits. */
const longType = types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer(value: bigint) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  // The parsed default was a double: only 2^63 - 1 is rounded out of range.
  fromJSON: (value: number) => (value >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(value)),
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
});

/** Keeps a logical type's name and attributes; values pass unchanged. */
class Annotated extends types.LogicalType {
  readonly logicalType: string;
  readonly precision: number;
  readonly scale: number;

  constructor(schema: avro.Schema, options?: unknown) {
    super(schema, options);
    const attributes: Readonly<Record<string, unknown>> = Object.fromEntries(Object.entries(schema));
    this.logicalType = String(attributes['logicalType']);
    this.precision = Number(attributes['precision'] ?? 0);
    this.scale = Number(attributes['scale'] ?? 0);
    const { precision, scale } = this;
    // As the specification says, a faulty logical type is ignored: avsc falls back to the underlying type.
    if (this.logicalType === 'decimal' && !(precision > 0 && scale >= 0 && scale <= precision)) {
      throw new Error('invalid decimal');
    }
  }

  protected override _fromValue(value: unknown): unknown {
    return value;
  }

  protected override _toValue(value: unknown): unknown {
    return value;
  }
}

const logicalNames = [
  'decimal',
  'uuid',
  'date',
  'time-millis',
  'time-micros',
  'timestamp-millis',
  'timestamp-micros',
  'timestamp-nanos',
  'local-timestamp-millis',
  'local-timestamp-micros',
  'local-timestamp-nanos',
];

function parseSchema(source: SchemaSource): Type {
  try {
    // avsc adds each name it meets to the registry, so that later texts find those of earlier ones.
    const registry: Record<string, Type> = { long: longType };
    const logicalTypes = Object.fromEntries(logicalNames.map((name) => [name, Annotated]));
    const options = { registry, logicalTypes, wrapUnions: true };
    for (const reference of source.references) avro.Type.forSchema(parseSchemaText(reference.text), { ...options });
    return avro.Type.forSchema(parseSchemaText(source.text), { ...options });
  } catch (error) {
    throw new SchemaUnusableError(`the Avro schema is faulty: ${error instanceof Error ? error.message : ''}`, error);
  }
}

function parseSchemaText(text: string): avro.Schema {
  // avsc checks what it is given; a primitive type may also stand as its bare name.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (/^\s*[a-z]+\s*$/.test(text) ? text.trim() : JSON.parse(text)) as avro.Schema;
}

/** Builds the node of a type and of all types below it; a named type is built once, so that it may refer to itself. */
function compileNode(root: Type, payloadEncoding: PayloadEncoding): { node: AvroNode; hasDecimal: boolean } {
  const base64 = payloadEncoding !== 'avro_json';
  const records = new Map<Type, AvroNode>();
  let hasDecimal = false;
  return { node: build(root), hasDecimal };

  function build(type: Type): AvroNode {
    if (type instanceof Annotated) {
      hasDecimal ||= type.logicalType === 'decimal';
      return buildLogical(type) ?? build(type.underlyingType);
    }
    if (type instanceof types.RecordType) return buildRecord(type);
    if (type instanceof types.WrappedUnionType) return unionNode(type.types.map(build), payloadEncoding);
    if (type instanceof types.ArrayType) return arrayNode(build(type.itemsType));
    if (type instanceof types.MapType) return mapNode(build(type.valuesType));
    if (type instanceof types.EnumType) return enumNode({ name: type.name ?? 'enum', symbols: type.symbols });
    if (type instanceof types.FixedType) return fixedNode({ name: type.name ?? 'fixed', size: type.size, base64 });
    const primitive = primitives(base64)[type.typeName];
    if (primitive === undefined) throw new SchemaUnusableError(`the Avro type ${type.typeName} is not known`);
    return primitive;
  }

  function buildRecord(type: avro.types.RecordType): AvroNode {
    const known = records.get(type);
    if (known !== undefined) return known;
    const record = recordNode(type.name ?? 'record');
    records.set(type, record.node);
    record.setFields(
      type.fields.map((field) => {
        const value: unknown = field.defaultValue();
        const defaultBytes = value === undefined ? null : field.type.toBuffer(value);
        return { name: field.name, aliases: field.aliases, node: build(field.type), defaultBytes };
      }),
    );
    return record.node;
  }
}

/** Undefined where the logical type does not belong on its underlying type, which is then used alone. */
function buildLogical(type: Annotated): AvroNode | undefined {
  const { logicalType, precision, scale, underlyingType: base } = type;
  const isFixed = base instanceof types.FixedType;
  const size = isFixed ? base.size : null;
  const name = base.name ?? base.typeName;
  switch (`${logicalType} ${base.typeName}`) {
    case 'decimal bytes':
    case 'decimal fixed':
      return decimalNode({ name, precision, scale, size });
    case 'uuid string':
      return uuidNode({ name, isFixed });
    case 'uuid fixed':
      return size === 16 ? uuidNode({ name, isFixed }) : undefined;
    case 'date int':
      return dateNode();
    case 'time-millis int':
      return timeOfDayNode('int', 3);
    case 'time-micros long':
      return timeOfDayNode('long', 6);
    case 'timestamp-millis long':
    case 'local-timestamp-millis long':
      return timestampNode(3, logicalType.startsWith('local-'));
    case 'timestamp-micros long':
    case 'local-timestamp-micros long':
      return timestampNode(6, logicalType.startsWith('local-'));
    case 'timestamp-nanos long':
    case 'local-timestamp-nanos long':
      return timestampNode(9, logicalType.startsWith('local-'));
    default:
      return undefined;
  }
}

/** Types whose JSON form is a string, and unions of these with null. */
function isStringType(type: Type): boolean {
  if (type instanceof Annotated) return isStringType(type.underlyingType);
  if (type instanceof types.WrappedUnionType) {
    const branches = type.types.filter(({ typeName }) => typeName !== 'null');
    return branches.length > 0 && branches.every(isStringType);
  }
  return ['string', 'bytes', 'fixed', 'enum'].includes(type.typeName);
}

function primitives(base64: boolean): Readonly<Record<string, AvroNode>> {
  return {
    null: nullNode,
    boolean: booleanNode,
    int: intNode,
    long: longNode,
    'abstract:long': longNode,
    float: floatNode,
    double: doubleNode,
    bytes: bytesNode({ base64 }),
    string: stringNode,
  };
}
