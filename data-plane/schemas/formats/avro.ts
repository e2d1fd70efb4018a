import { compileAvroCheck } from './avro-binary.ts';
import { arrayNode, mapNode } from './avro-containers.ts';
import { AvroDefaults } from './avro-defaults.ts';
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
import { readAvroSchema } from './avro-schema.ts';
import {
  typeName,
  type AvroFixed,
  type AvroPrimitive,
  type AvroRecord,
  type AvroType,
  type PrimitiveName,
} from './avro-type.ts';
import { trialBytes, unionNode } from './avro-union.ts';
import { AvroWriter } from './avro-writer.ts';
import { mayRound } from './exact-json.ts';
import {
  compileTimeoutMs,
  Faults,
  type CompiledSchema,
  type EncodedValues,
  type Format,
  type FormatOptions,
  type PayloadEncoding,
  type SchemaSource,
} from './format.ts';
import { JsonCursor } from './json-cursor.ts';
import { parseJsonText, parseJsonTextExactly } from './json-value.ts';
import { runInSlices, type Steps } from './steps.ts';

/**
 * Avro's binary encoding (specification 1.11 and 1.12). Values are checked and written by the nodes of this folder,
 * because every fault of a value is reported with its pointer and 64-bit numbers stay exact.
 */
export const avroFormat = {
  type: 'AVRO',
  compile(source: SchemaSource, options: FormatOptions): Promise<CompiledSchema> {
    return runInSlices(compileAvro(source, options), compileTimeoutMs);
  },
} as const satisfies Format;

/** Compiles a schema in steps. @throws SchemaUnusableError */
export function* compileAvro(source: SchemaSource, { payloadEncoding }: FormatOptions): Steps<CompiledSchema> {
  const type = yield* readAvroSchema(source);
  const { node, hasDecimal } = yield* compileNode(type, payloadEncoding);
  const textIsString = isStringType(type);
  const encoded = encodedValues(compileAvroCheck(type));
  // Decimals need the digits that JSON.parse loses.
  if (hasDecimal) return { textIsString, encoded, encode: (jsonText, prefix) => encode(node, true, jsonText, prefix) };
  const transcode = transcoderOf(node);
  return {
    textIsString,
    encoded,
    encode: (jsonText, prefix) =>
      transcodeAll(transcode, jsonText, prefix) ? writer.take() : encode(node, false, jsonText, prefix),
  };
}

const noPlace = Buffer.alloc(0);

function encodedValues(check: ReturnType<typeof compileAvroCheck>): EncodedValues {
  return {
    encoding: 'avro',
    place: noPlace,
    frame(bytes, prefix) {
      const faults = check(bytes);
      if (faults.total > 0) throw faults.refusal();
      return Buffer.concat([prefix, bytes]);
    },
  };
}

/** Shared by all schemas: encoding is synchronous and takes its bytes out at the end. */
const writer = new AvroWriter();
const cursor = new JsonCursor();

function encode(node: AvroNode, hasDecimal: boolean, jsonText: string, prefix: Buffer): Buffer {
  let value = parseJsonText(jsonText);
  let exact: unknown;
  const exactly = (): unknown => (exact ??= parseJsonTextExactly(jsonText));
  // A decimal cannot see that digits of its number were lost; a long can (the number is then too large to be exact).
  if (hasDecimal && mayRound(jsonText)) value = exactly();
  if (write(node, value, jsonText, prefix) && !writer.sawRounded) return writer.take();
  if (writer.sawRounded) {
    value = exactly();
    if (write(node, value, jsonText, prefix)) return writer.take();
  }
  // Numbers behind the first fault have not been looked at yet.
  if (mayRound(jsonText)) value = exactly();
  const faults = new Faults();
  writer.reset();
  allowTrials(jsonText);
  node.explain(value, '', { faults, out: writer });
  throw faults.refusal();
}

/** Goes straight from text to bytes; false where the text is not of the common kind. */
function transcodeAll(transcode: Transcode, jsonText: string, prefix: Buffer): boolean {
  begin(jsonText, prefix);
  return cursor.begin(jsonText) && transcode(cursor, writer) && cursor.isAtEnd() && !writer.sawRounded;
}

function write(node: AvroNode, value: unknown, jsonText: string, prefix: Buffer): boolean {
  begin(jsonText, prefix);
  return node.write(value, writer);
}

function begin(jsonText: string, prefix: Buffer): void {
  writer.reset();
  allowTrials(jsonText);
  writer.raw(prefix);
}

function allowTrials(jsonText: string): void {
  writer.trialBytesLeft = trialBytes.base + trialBytes.perCharacter * jsonText.length;
}

/** Builds the node of a type and of all types below it; a record is built once, so that it may refer to itself. */
function* compileNode(
  root: AvroType,
  payloadEncoding: PayloadEncoding,
): Steps<{ readonly node: AvroNode; readonly hasDecimal: boolean }> {
  const base64 = payloadEncoding !== 'avro_json';
  const primitives = primitiveNodes(base64);
  const records = new Map<AvroRecord, AvroNode>();
  const defaults = new AvroDefaults();
  // A list rather than recursion: records may refer to each other in a chain of thousands.
  const waiting: { readonly type: AvroRecord; readonly created: ReturnType<typeof recordNode> }[] = [];
  let hasDecimal = false;
  const node = build(root);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const field of next.type.fields) {
      yield;
      const { name, aliases } = field;
      next.created.add({ name, aliases, node: build(field.type), defaultBytes: defaults.bytesOf(field) });
    }
  }
  return { node, hasDecimal };

  function build(type: AvroType): AvroNode {
    if (type.kind === 'record') return buildRecord(type);
    if (type.kind === 'union') return unionNode(type.branches.map(build), payloadEncoding);
    if (type.kind === 'array') return arrayNode(build(type.items));
    if (type.kind === 'map') return mapNode(build(type.values));
    if (type.kind === 'enum') return enumNode(type);
    const found = logical(type);
    if (found !== undefined) return found;
    return type.kind === 'fixed' ? fixedNode({ name: type.name, size: type.size, base64 }) : primitives[type.kind];
  }

  function logical(type: AvroPrimitive | AvroFixed): AvroNode | undefined {
    const found = buildLogical(type);
    hasDecimal ||= found !== undefined && type.logical?.name === 'decimal';
    return found;
  }

  function buildRecord(type: AvroRecord): AvroNode {
    const known = records.get(type);
    if (known !== undefined) return known;
    const created = recordNode(type.name);
    records.set(type, created.node);
    waiting.push({ type, created });
    return created.node;
  }
}

/**
 * Builds the node of a logical type. Undefined without one, and where it is faulty or does not belong on the type below:
 * that is then used alone, as the specification says.
 */
function buildLogical(type: AvroPrimitive | AvroFixed): AvroNode | undefined {
  if (type.logical === null) return undefined;
  const { name: logicalType, precision, scale } = type.logical;
  const isFixed = type.kind === 'fixed';
  const size = isFixed ? type.size : null;
  const name = typeName(type);
  switch (`${logicalType} ${type.kind}`) {
    case 'decimal bytes':
    case 'decimal fixed': {
      const isGood = precision > 0 && scale >= 0 && scale <= precision;
      return isGood ? decimalNode({ name, precision, scale, size }) : undefined;
    }
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

/** Tells whether the JSON form of a type, or of all branches of a union but null, is a string. */
function isStringType(type: AvroType): boolean {
  if (type.kind !== 'union') return ['string', 'bytes', 'fixed', 'enum'].includes(type.kind);
  const branches = type.branches.filter(({ kind }) => kind !== 'null');
  return branches.length > 0 && branches.every(isStringType);
}

function primitiveNodes(base64: boolean): Readonly<Record<PrimitiveName, AvroNode>> {
  return {
    null: nullNode,
    boolean: booleanNode,
    int: intNode,
    long: longNode,
    float: floatNode,
    double: doubleNode,
    bytes: bytesNode({ base64 }),
    string: stringNode,
  };
}
