import { isNestedTooDeeply } from '../../../shared/json-nesting.ts';
import { isRecord } from '../../../shared/schema/is-record.ts';
import {
  primitiveNames,
  typeName,
  type AvroField,
  type AvroFixed,
  type AvroPrimitive,
  type AvroRecord,
  type AvroType,
  type AvroUnion,
  type LogicalType,
  type PrimitiveName,
} from './avro-type.ts';
import { mayRound, NumberText, parseExactJson } from './exact-json.ts';
import { schemaBounds, SchemaUnusableError, type SchemaSource } from './format.ts';
import type { Steps } from './steps.ts';

/** Up to this many characters a schema is parsed with every digit of its numbers, where one may be rounded. */
const exactTextMax = 256 * 1024;
/** A fixed of more bytes would not fit into a record. */
const fixedBytesMax = 2 ** 31 - 1;

type Attributes = Readonly<Record<string, unknown>>;

/** The state that is shared by the reading of a schema and of all that it refers to. */
interface Reading {
  /** Named types by full name. */
  readonly named: Map<string, AvroType>;
  fieldsLeft: number;
}

/** The place of a type in its schema. */
interface Place {
  /** The namespace around it; empty for none. */
  readonly namespace: string;
  readonly depth: number;
}

/**
 * Reads an Avro schema (specification 1.11 and 1.12). Our own rather than avsc's, which doubles the time with each level
 * of nested defaults, compiles code for each record at once, and refuses schemas that the specification allows, such as a
 * union's default of a later branch or a hyphen in a namespace.
 * @throws SchemaUnusableError
 */
export function* readAvroSchema({ text, references }: SchemaSource): Steps<AvroType> {
  const length = references.reduce((sum, reference) => sum + reference.text.length, text.length);
  if (length > schemaBounds.text) {
    throw new SchemaUnusableError(`it has ${length} characters, more than ${schemaBounds.text}`);
  }
  const reading: Reading = { named: new Map(), fieldsLeft: schemaBounds.fields };
  const place: Place = { namespace: '', depth: 0 };
  for (const reference of references) {
    yield* readType(parseText(reference.text, `the reference '${reference.name}'`), place, reading);
  }
  return yield* readType(parseText(text, 'the Avro schema'), place, reading);
}

function parseText(text: string, what: string): unknown {
  // A primitive type may stand as its bare name.
  if (/^\s*[a-z]{3,7}\s*$/.test(text)) return text.trim();
  if (isNestedTooDeeply(text)) throw new SchemaUnusableError(`${what} is nested too deeply`);
  try {
    return text.length <= exactTextMax && mayRound(text) ? parseExactJson(text) : JSON.parse(text);
  } catch (error) {
    throw new SchemaUnusableError(`${what} is not JSON`, error);
  }
}

function* readType(schema: unknown, place: Place, reading: Reading): Steps<AvroType> {
  yield;
  if (typeof schema === 'string') return findType(schema, place, reading);
  if (Array.isArray(schema)) return yield* readUnion(schema, place, reading);
  if (!isRecord(schema)) throw new SchemaUnusableError(`the Avro schema holds ${shown(schema)} in the place of a type`);
  const { type } = schema;
  switch (type) {
    case 'record':
    case 'error':
      return yield* readRecord(schema, place, reading);
    case 'enum':
      return readEnum(schema, place, reading);
    case 'fixed':
      return readFixed(schema, place, reading);
    case 'array':
      return { kind: 'array', items: yield* readType(schema['items'], place, reading) };
    case 'map':
      return { kind: 'map', values: yield* readType(schema['values'], place, reading) };
    default:
      return withLogicalType(yield* readType(type, place, reading), schema);
  }
}

/** Finds a primitive or named type: in the namespace around, then without one. */
function findType(name: string, { namespace }: Place, { named }: Reading): AvroType {
  if (isPrimitive(name)) return { kind: name, logical: null };
  const qualified = name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
  const found = named.get(qualified) ?? named.get(name);
  if (found === undefined) throw new SchemaUnusableError(`the Avro schema does not declare the type ${shown(name)}`);
  return found;
}

function isPrimitive(name: string): name is PrimitiveName {
  const names: readonly string[] = primitiveNames;
  return names.includes(name);
}

function* readUnion(schemas: readonly unknown[], place: Place, reading: Reading): Steps<AvroUnion> {
  if (schemas.length > schemaBounds.branches) {
    throw new SchemaUnusableError(`a union of the Avro schema has more than ${schemaBounds.branches} branches`);
  }
  const branches: AvroType[] = [];
  const names = new Set<string>();
  for (const schema of schemas) {
    const branch = yield* readType(schema, place, reading);
    const name = typeName(branch);
    if (branch.kind === 'union') throw new SchemaUnusableError('a union of the Avro schema holds a union');
    if (names.has(name)) throw new SchemaUnusableError(`a union of the Avro schema holds ${name} twice`);
    names.add(name);
    branches.push(branch);
  }
  if (branches.length === 0) throw new SchemaUnusableError('a union of the Avro schema holds no type');
  return { kind: 'union', branches };
}

function* readRecord(schema: Attributes, place: Place, reading: Reading): Steps<AvroRecord> {
  if (place.depth >= schemaBounds.depth) {
    throw new SchemaUnusableError(`the Avro schema nests records deeper than ${schemaBounds.depth}`);
  }
  const { name, namespace } = declaredName(schema, place, 'record');
  const record: AvroRecord = { kind: 'record', name, fields: [] };
  declare(record, schema, reading);
  const list: unknown = schema['fields'];
  if (!Array.isArray(list))
    throw new SchemaUnusableError(`the record ${name} of the Avro schema has no list of fields`);
  const inner: Place = { namespace, depth: place.depth + 1 };
  const fields: AvroField[] = [];
  const names = new Set<string>();
  for (const each of list as readonly unknown[]) {
    const field = yield* readField(each, name, inner, reading);
    if (names.has(field.name))
      throw new SchemaUnusableError(`the record ${name} declares the field ${field.name} twice`);
    names.add(field.name);
    fields.push(field);
  }
  record.fields = fields;
  return record;
}

function* readField(schema: unknown, record: string, place: Place, reading: Reading): Steps<AvroField> {
  takeField(reading);
  if (!isRecord(schema) || typeof schema['name'] !== 'string' || schema['name'] === '') {
    throw new SchemaUnusableError(`a field of the record ${record} has no name`);
  }
  const type = yield* readType(schema['type'], place, reading);
  return { name: schema['name'], aliases: textsOf(schema['aliases']), type, defaultValue: schema['default'] };
}

function takeField(reading: Reading): void {
  if (--reading.fieldsLeft >= 0) return;
  throw new SchemaUnusableError(`the Avro schema has more than ${schemaBounds.fields} fields and symbols`);
}

function readEnum(schema: Attributes, place: Place, reading: Reading): AvroType {
  const { name } = declaredName(schema, place, 'enum');
  const symbols = textsOf(schema['symbols']);
  const isComplete = Array.isArray(schema['symbols']) && symbols.length === schema['symbols'].length;
  if (!isComplete || symbols.length === 0) throw new SchemaUnusableError(`the enum ${name} has no list of symbols`);
  if (new Set(symbols).size < symbols.length) throw new SchemaUnusableError(`the enum ${name} has a symbol twice`);
  for (const _ of symbols) takeField(reading);
  return declare({ kind: 'enum', name, symbols }, schema, reading);
}

function readFixed(schema: Attributes, place: Place, reading: Reading): AvroType {
  const { name } = declaredName(schema, place, 'fixed');
  const size = numberOf(schema['size']);
  if (!Number.isInteger(size) || size < 0 || size > fixedBytesMax) {
    throw new SchemaUnusableError(`the fixed ${name} has no usable size`);
  }
  const fixed: AvroFixed = { kind: 'fixed', name, size, logical: logicalTypeOf(schema) };
  return declare(fixed, schema, reading);
}

/** Returns a definition's full name, and the namespace that holds within it. */
function declaredName(
  { name, namespace }: Attributes,
  place: Place,
  kind: string,
): { readonly name: string; readonly namespace: string } {
  // Some clients leave out names; such a type cannot be referred to.
  if (name === undefined) return { name: kind, namespace: place.namespace };
  if (typeof name !== 'string' || name === '') throw new SchemaUnusableError(`a type of the Avro schema has no name`);
  if (isPrimitive(name)) throw new SchemaUnusableError(`the Avro schema declares ${name} anew`);
  const dot = name.lastIndexOf('.');
  if (dot >= 0) return { name: name.replace(/^\./, ''), namespace: name.slice(0, dot) };
  const around = typeof namespace === 'string' ? namespace : place.namespace;
  return { name: around === '' ? name : `${around}.${name}`, namespace: around };
}

function declare<Type extends AvroType & { readonly name: string }>(
  type: Type,
  { name }: Attributes,
  { named }: Reading,
): Type {
  if (name === undefined) return type;
  if (named.has(type.name)) throw new SchemaUnusableError(`the Avro schema declares the type ${type.name} twice`);
  named.set(type.name, type);
  return type;
}

/** Puts a logical type on a type that stands within another object, as in `{"type": {"type": "int"}, …}`. */
function withLogicalType(type: AvroType, schema: Attributes): AvroType {
  const logical = logicalTypeOf(schema);
  if (logical === null || !isPlain(type)) return type;
  return { ...type, logical };
}

function isPlain(type: AvroType): type is AvroPrimitive {
  return isPrimitive(type.kind);
}

function logicalTypeOf({ logicalType, precision, scale }: Attributes): LogicalType | null {
  if (typeof logicalType !== 'string') return null;
  return { name: logicalType, precision: numberOf(precision), scale: numberOf(scale) };
}

function numberOf(value: unknown): number {
  if (value === undefined) return 0;
  if (value instanceof NumberText) return Number(value.text);
  return typeof value === 'number' ? value : Number.NaN;
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 100);
}
