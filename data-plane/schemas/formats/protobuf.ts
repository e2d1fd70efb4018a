import { compileTimeoutMs, type CompiledSchema, type Format, type FormatOptions, type SchemaSource } from './format.ts';
import { isObject, parseJsonText, parseJsonTextExactly } from './json-value.ts';
import { compileBinaryCheck } from './protobuf-binary.ts';
import { createMessageNode, mapWriter, repeatedWriter, singleWriter, type MessageField } from './protobuf-message.ts';
import { ProtobufEncoding, groupValue, messageValue, type MessageNode, type ProtobufNode } from './protobuf-node.ts';
import { enumNode, scalars } from './protobuf-scalars.ts';
import {
  hasPresence,
  isDelimited,
  isOpenEnum,
  isPacked,
  isRequired,
  type ProtoEnum,
  type ProtoField,
  type ProtoMessage,
} from './proto-file.ts';
import { readProtobufSchema, type ProtobufSchema } from './protobuf-schema.ts';
import { runAtOnce, runInSlices, type Steps } from './steps.ts';
import { wellKnownNodes } from './protobuf-well-known.ts';
import { ProtobufWriter } from './protobuf-writer.ts';

/**
 * Protobuf (proto2, proto3, editions 2023 and 2024) from the JSON that its own specification maps to it. Values are
 * checked and written by the nodes of this folder, because every fault of a value is reported with its pointer and
 * 64-bit numbers stay exact. The payload begins with the message's place in its file, as Confluent's serializers write
 * it.
 */
export const protobufFormat = {
  type: 'PROTOBUF',
  compile(source: SchemaSource, options: FormatOptions): Promise<CompiledSchema> {
    return runInSlices(compileProtobuf(source, options), compileTimeoutMs);
  },
} as const satisfies Format;

/** Compiles a schema in steps. @throws SchemaUnusableError */
export function* compileProtobuf(source: SchemaSource, { messageName }: FormatOptions): Steps<CompiledSchema> {
  const schema = yield* readProtobufSchema(source, messageName);
  const node = yield* compileMessage(schema);
  const place = messageIndexes(schema.indexes);
  const check = compileBinaryCheck(schema.message);
  return {
    textIsString: false,
    encode: (jsonText, prefix) => encode(node, jsonText, prefix, place),
    encoded: {
      encoding: 'protobuf',
      place,
      frame(bytes, prefix) {
        const faults = check(bytes);
        if (faults.total > 0) throw faults.refusal();
        return Buffer.concat([prefix, place, bytes]);
      },
    },
  };
}

/** Shared by all schemas: encoding is synchronous and takes its bytes out at the end. */
const encoding = new ProtobufEncoding();

function encode(node: MessageNode, jsonText: string, prefix: Buffer, place: Buffer): Buffer {
  write(node, parseJsonText(jsonText), prefix, place);
  if (encoding.sawRounded) write(node, parseJsonTextExactly(jsonText), prefix, place);
  const { faults } = encoding;
  if (faults.list.length === 0) return encoding.out.take();
  throw faults.refusal();
}

function write(node: MessageNode, value: unknown, prefix: Buffer, place: Buffer): void {
  encoding.reset();
  encoding.out.raw(prefix);
  encoding.out.raw(place);
  if (isObject(value)) node.writeFields(value, encoding);
  else encoding.fault('type', node.name, `must be an object (message ${node.name})`);
}

/** Writes the list of a message's indexes: its length, then each, as zig-zag numbers; a single 0 means the first message. */
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
function* compileMessage(schema: ProtobufSchema): Steps<MessageNode> {
  const builder = createBuilder(schema);
  const node = builder.nodeOf(schema.message);
  yield* builder.build();
  return node;
}

interface Builder {
  /** Returns the node of a message, whose fields may be built later. */
  nodeOf(message: ProtoMessage): MessageNode;
  /** Builds the fields of all messages that were asked for. */
  build(): Steps<void>;
}

function createBuilder(schema: ProtobufSchema): Builder {
  const nodes = new Map<ProtoMessage, MessageNode>();
  const enums = new Map<ProtoEnum, ProtobufNode>();
  // A list rather than recursion: messages may refer to each other in a chain of thousands.
  const waiting: { readonly message: ProtoMessage; readonly created: ReturnType<typeof createMessageNode> }[] = [];
  const wellKnown = wellKnownNodes((fullName) => {
    const message = schema.find(fullName);
    if (message === undefined) return undefined;
    const node = nodeOf(message);
    runAtOnce(build());
    return node;
  });

  function nodeOf(message: ProtoMessage): MessageNode {
    const known = nodes.get(message);
    if (known !== undefined) return known;
    const created = createMessageNode(message.fullName);
    nodes.set(message, created.node);
    waiting.push({ message, created });
    return created.node;
  }

  function* build(): Steps<void> {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      // By number: the bytes then do not depend on the order in which the JSON gives the fields.
      for (const field of next.message.fields.toSorted((a, b) => a.number - b.number)) {
        yield;
        next.created.add(buildField(field));
      }
    }
  }

  function buildField(field: ProtoField): MessageField {
    const node = buildType(field);
    const isSingle = field.label !== 'repeated' && field.keyType === null;
    return {
      name: field.name,
      jsonName: field.jsonName ?? jsonNameOf(field.name),
      isRequired: isRequired(field),
      oneof: field.oneof ?? undefined,
      takesNull: isSingle && node.takesNull === true,
      write: buildWriter(field, node),
    };
  }

  function buildType(field: ProtoField): ProtobufNode {
    const { type, typeName } = field;
    if (type === null) {
      const scalar = scalars.get(typeName);
      if (scalar === undefined) throw new Error(`the type ${typeName} was not resolved`);
      return scalar;
    }
    if (type.kind === 'enum') return nodeOfEnum(type);
    const special = wellKnown.get(type.fullName);
    if (special !== undefined) return special;
    return isDelimited(field) ? groupValue(nodeOf(type), field.number) : messageValue(nodeOf(type));
  }

  function nodeOfEnum(type: ProtoEnum): ProtobufNode {
    const known = enums.get(type);
    if (known !== undefined) return known;
    const { fullName: name, values } = type;
    const created = enumNode({ name, values, isOpen: isOpenEnum(type), isNull: name === 'google.protobuf.NullValue' });
    enums.set(type, created);
    return created;
  }

  return { nodeOf, build };
}

function buildWriter(field: ProtoField, node: ProtobufNode): MessageField['write'] {
  const { number, keyType, label } = field;
  if (keyType !== null) return mapWriter(number, keyType, node);
  if (label === 'repeated') return repeatedWriter(number, node, isPacked(field));
  return singleWriter(number, node, hasPresence(field));
}

/** Returns the name in JSON that follows from a field's name. */
export function jsonNameOf(name: string): string {
  return name.replaceAll(/_+(.?)/g, (_match, letter: string) => letter.toUpperCase());
}
