import { isObject } from './json-value.ts';
import { tagOf, wireTypes, type ProtobufEncoding, type ProtobufNode } from './protobuf-node.ts';
import { scalars } from './protobuf-scalars.ts';

const tags = {
  null: tagOf(1, wireTypes.varint),
  number: tagOf(2, wireTypes.fixed64),
  string: tagOf(3, wireTypes.delimited),
  boolean: tagOf(4, wireTypes.varint),
  struct: tagOf(5, wireTypes.delimited),
  list: tagOf(6, wireTypes.delimited),
  item: tagOf(1, wireTypes.delimited),
  key: tagOf(1, wireTypes.delimited),
  value: tagOf(2, wireTypes.delimited),
};
const double = scalarNode('double');
const text = scalarNode('string');

/** Writes any JSON object, as google/protobuf/struct.proto has it. */
export const structNode: ProtobufNode = {
  wireType: wireTypes.delimited,
  write(item, to) {
    if (!isObject(item)) return to.fault('type', 'google.protobuf.Struct', 'must be an object');
    to.nested(() => {
      for (const name of Object.keys(item)) {
        to.path.push(name);
        to.out.varint(tags.item);
        to.nested(() => {
          to.out.varint(tags.key);
          text.write(name, to);
          to.out.varint(tags.value);
          structValueNode.write(item[name], to);
        });
        to.path.pop();
      }
    });
  },
};

/** Writes any JSON array. */
export const structListNode: ProtobufNode = {
  wireType: wireTypes.delimited,
  write(items, to) {
    if (!Array.isArray(items)) return to.fault('type', 'google.protobuf.ListValue', 'must be an array');
    to.nested(() => {
      for (let index = 0; index < items.length; index++) {
        to.path.push(index);
        to.out.varint(tags.item);
        structValueNode.write(items[index], to);
        to.path.pop();
      }
    });
  },
};

/** Writes any JSON; its numbers are doubles. */
export const structValueNode: ProtobufNode = {
  wireType: wireTypes.delimited,
  takesNull: true,
  write: (item, to) => to.nested(() => writeValue(item, to)),
};

function writeValue(item: unknown, to: ProtobufEncoding): void {
  const { out } = to;
  if (item === null) {
    out.varint(tags.null);
    out.varint(0);
  } else if (typeof item === 'boolean') {
    out.varint(tags.boolean);
    out.varint(item ? 1 : 0);
  } else if (typeof item === 'string') {
    out.varint(tags.string);
    text.write(item, to);
  } else if (Array.isArray(item)) {
    out.varint(tags.list);
    structListNode.write(item, to);
  } else if (isObject(item)) {
    out.varint(tags.struct);
    structNode.write(item, to);
  } else {
    out.varint(tags.number);
    double.write(item, to);
  }
}

function scalarNode(type: string): ProtobufNode {
  const node = scalars.get(type);
  if (node === undefined) throw new Error(`no scalar type ${type}`);
  return node;
}
