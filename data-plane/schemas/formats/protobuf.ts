import protobuf from 'protobufjs';
import { RequestError } from '../../../shared/errors.ts';
import { isRecord } from '../../../shared/schema/is-record.ts';
import type { CompiledSchema, Format, FormatOptions, SchemaSource } from './format.ts';
import { isObject, parseJsonText, parseJsonTextExactly } from './json-value.ts';
import { createMessageNode, mapWriter, repeatedWriter, singleWriter, type MessageField } from './protobuf-message.ts';
import { ProtobufEncoding, groupValue, messageValue, type MessageNode, type ProtobufNode } from './protobuf-node.ts';
import { enumNode, scalars } from './protobuf-scalars.ts';
import { readProtobufSchema, type ProtobufSchema } from './protobuf-schema.ts';
import { wellKnownNodes } from './protobuf-well-known.ts';
import { ProtobufWriter } from './protobuf-writer.ts';

/**
 * Protobuf (proto2, proto3, edition 2023) from the JSON that its own specification maps to it. protobufjs reads the
 * schema; values are checked and written by the nodes of this folder, because every fault of a value is reported with
 * its pointer and 64-bit numbers stay exact. The payload begins with the message's place in its file, as Confluent's
 * serializers write it.
 */
export const protobufFormat = {
  type: 'PROTOBUF',
  compile(source: SchemaSource, { messageName }: FormatOptions): CompiledSchema {
    const schema = readProtobufSchema(source, messageName);
    const node = compileMessage(schema);
    const place = messageIndexes(schema.indexes);
    return { textIsString: false, encode: (jsonText, prefix) => encode(node, jsonText, prefix, place) };
  },
} as const satisfies Format;

/** One for all: encoding is synchronous and takes its bytes out at the end. */
const encoding = new ProtobufEncoding();

function encode(node: MessageNode, jsonText: string, prefix: Buffer, place: Buffer): Buffer {
  write(node, parseJsonText(jsonText), prefix, place);
  if (encoding.sawRounded) write(node, parseJsonTextExactly(jsonText), prefix, place);
  const { list } = encoding.faults;
  if (list.length === 0) return encoding.out.take();
  throw new RequestError('SCHEMA_VALIDATION_FAILED', 'The data does not fit the schema.', { details: list });
}

function write(node: MessageNode, value: unknown, prefix: Buffer, place: Buffer): void {
  encoding.reset();
  encoding.out.raw(prefix);
  encoding.out.raw(place);
  if (isObject(value)) node.writeFields(value, encoding);
  else encoding.fault('type', node.name, `must be an object (message ${node.name})`);
}

/** The list of a message's indexes: its length, then each, as zig-zag numbers; a single 0 stands for the first message. */
function messageIndexes(indexes: readonly number[]): Buffer {
  const writer = new ProtobufWriter();
  if (indexes.length === 1 && indexes[0] === 0) {
    writer.zigzag(0);
  } else {
    writer.zigzag(indexes.length);
    for (const index of indexes) writer.zigzag(index);
  }
  return writer.take();
}

/** Builds the node of a message and of all messages below it, each once, so that it may refer to itself. */
function compileMessage(schema: ProtobufSchema): MessageNode {
  const messages = new Map<protobuf.Type, MessageNode>();
  const wellKnown = wellKnownNodes((fullName) => {
    const type = schema.find(fullName);
    return type === undefined ? undefined : build(type);
  });
  return build(schema.message);

  function build(type: protobuf.Type): MessageNode {
    const known = messages.get(type);
    if (known !== undefined) return known;
    const created = createMessageNode(nameOf(type));
    messages.set(type, created.node);
    // By number: the bytes then do not depend on the order in which the JSON gives the fields.
    created.setFields(
      type.fieldsArray
        .filter(isDeclared)
        .sort((a, b) => a.id - b.id)
        .map(buildField),
    );
    return created.node;
  }

  function buildField(field: protobuf.Field): MessageField {
    const node = buildType(field);
    const isSingle = !field.repeated && !field.map;
    return {
      name: field.name,
      jsonName: jsonNameOf(field),
      isRequired: field.required,
      oneof: field.partOf === null || field.partOf.isProto3Optional ? undefined : field.partOf.name,
      takesNull: isSingle && node.takesNull === true,
      write: buildWriter(field, node),
    };
  }

  function buildWriter(field: protobuf.Field, node: ProtobufNode): MessageField['write'] {
    if (field instanceof protobuf.MapField) return mapWriter(field.id, field.keyType, node);
    if (!field.repeated) return singleWriter(field.id, node, isMessage(field) || field.hasPresence);
    return repeatedWriter(field.id, node, field.packed && isPackable(field));
  }

  function buildType(field: protobuf.Field): ProtobufNode {
    const scalar = scalars.get(field.type);
    if (scalar !== undefined) return scalar;
    const type = field.resolvedType;
    if (type instanceof protobuf.Enum) return buildEnum(type);
    if (!(type instanceof protobuf.Type)) throw new Error(`the type ${field.type} was not resolved`);
    const special = wellKnown.get(nameOf(type));
    if (special !== undefined) return special;
    return field.delimited ? groupValue(build(type), field.id) : messageValue(build(type));
  }
}

function buildEnum(type: protobuf.Enum): ProtobufNode {
  const name = nameOf(type);
  // Not among the published types, though all that tells whether an enum is closed.
  const features: unknown = Reflect.get(type, '_features');
  const isOpen = isRecord(features) && features['enum_type'] === 'OPEN';
  const values = new Map(Object.entries(type.values));
  return enumNode({ name, values, isOpen, isNull: name === 'google.protobuf.NullValue' });
}

/** Extensions of a message are not among the names that its JSON may use. */
function isDeclared(field: protobuf.Field): boolean {
  return field.declaringField === null;
}

function isMessage(field: protobuf.Field): boolean {
  return field.resolvedType instanceof protobuf.Type;
}

function isPackable(field: protobuf.Field): boolean {
  return !isMessage(field) && field.type !== 'string' && field.type !== 'bytes';
}

function jsonNameOf(field: protobuf.Field): string {
  const named: unknown = field.options?.['json_name'];
  return typeof named === 'string'
    ? named
    : field.name.replaceAll(/_+(.?)/g, (_match, letter: string) => letter.toUpperCase());
}

/** A name as messages tell it, without the leading dot. */
function nameOf(type: protobuf.ReflectionObject): string {
  return type.fullName.slice(1);
}
