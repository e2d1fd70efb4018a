import { parseIsoTimestamp } from './iso-time.ts';
import { isObject } from './json-value.ts';
import { tagOf, wireTypes, type MessageNode, type ProtobufEncoding, type ProtobufNode } from './protobuf-node.ts';
import { singleWriter } from './protobuf-message.ts';
import { scalars } from './protobuf-scalars.ts';

const nanosASecond = 1_000_000_000n;
const timestampPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;
const timestampMin = -62_135_596_800n * nanosASecond;
const timestampMax = 253_402_300_800n * nanosASecond - 1n;
const durationPattern = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/;
const durationMaxSeconds = 315_576_000_000n;

/** The wrapped type of each of the messages of google/protobuf/wrappers.proto. */
const wrapped = {
  DoubleValue: 'double',
  FloatValue: 'float',
  Int64Value: 'int64',
  UInt64Value: 'uint64',
  Int32Value: 'int32',
  UInt32Value: 'uint32',
  BoolValue: 'bool',
  StringValue: 'string',
  BytesValue: 'bytes',
};

/** A message of any type by its full name; undefined when the schema has none of that name. */
export type FindMessage = (fullName: string) => MessageNode | undefined;

/** The messages of google.protobuf that have a JSON form of their own, by full name. */
export function wellKnownNodes(find: FindMessage): ReadonlyMap<string, ProtobufNode> {
  const structs = structNodes();
  const nodes: [string, ProtobufNode][] = [
    ['Timestamp', timestampNode],
    ['Duration', durationNode],
    ['FieldMask', fieldMaskNode],
    ['Struct', structs.struct],
    ['Value', structs.value],
    ['ListValue', structs.list],
    ...Object.entries(wrapped).map(([name, type]): [string, ProtobufNode] => [name, wrapperNode(type)]),
  ];
  const known = new Map(nodes.map(([name, node]) => [`google.protobuf.${name}`, node]));
  known.set('google.protobuf.Any', anyNode(find, known));
  return known;
}

const timestampNode = timeNode(
  'google.protobuf.Timestamp (a time like 2024-12-31T23:59:59.5Z)',
  (text) => {
    if (!timestampPattern.test(text)) return undefined;
    const nanos = parseIsoTimestamp(text, 9, false);
    return typeof nanos === 'bigint' && nanos >= timestampMin && nanos <= timestampMax ? nanos : undefined;
  },
  // Nanoseconds always count forward in time.
  (nanos) => {
    const rest = ((nanos % nanosASecond) + nanosASecond) % nanosASecond;
    return { seconds: (nanos - rest) / nanosASecond, nanos: rest };
  },
);

const durationNode = timeNode(
  'google.protobuf.Duration (seconds like 3.5s)',
  (text) => {
    const [match, sign, whole = '', fraction = ''] = durationPattern.exec(text) ?? [];
    if (match === undefined) return undefined;
    const nanos = BigInt(whole) * nanosASecond + BigInt(fraction.padEnd(9, '0'));
    if (nanos > durationMaxSeconds * nanosASecond) return undefined;
    return sign === '-' ? -nanos : nanos;
  },
  (nanos) => ({ seconds: nanos / nanosASecond, nanos: nanos % nanosASecond }),
);

/** Text that is a number of nanoseconds, written as seconds (1) and nanoseconds (2). */
function timeNode(
  expected: string,
  parse: (text: string) => bigint | undefined,
  split: (nanos: bigint) => { readonly seconds: bigint; readonly nanos: bigint },
): ProtobufNode {
  const writeSeconds = scalarField(1, 'int64');
  const writeNanos = scalarField(2, 'int32');
  return {
    wireType: wireTypes.delimited,
    write(value, to) {
      if (typeof value !== 'string') return to.fault('type', expected, `must be a string: ${expected}`);
      const total = parse(value);
      if (total === undefined) return to.fault('format', expected, `must be ${expected}`);
      const { seconds, nanos } = split(total);
      to.nested(() => {
        writeSeconds(Number(seconds), to);
        writeNanos(Number(nanos), to);
      });
    },
  };
}

/** `"a.fooBar,b"` stands for the paths `a.foo_bar` and `b`. */
const fieldMaskNode: ProtobufNode = {
  wireType: wireTypes.delimited,
  write(value, to) {
    const expected = 'google.protobuf.FieldMask (paths in lowerCamelCase, separated by commas)';
    if (typeof value !== 'string') return to.fault('type', expected, `must be a string: ${expected}`);
    const paths = value === '' ? [] : value.split(',');
    if (!paths.every((path) => /^[a-z][A-Za-z0-9]*(?:\.[a-z][A-Za-z0-9]*)*$/.test(path))) {
      return to.fault('format', expected, `must be ${expected}`);
    }
    to.nested(() => {
      for (const path of paths) {
        to.out.varint(tagOf(1, wireTypes.delimited));
        to.out.string(path.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
      }
    });
  },
};

function wrapperNode(type: string): ProtobufNode {
  const writeValue = scalarField(1, type);
  return { wireType: wireTypes.delimited, write: (value, to) => to.nested(() => writeValue(value, to)) };
}

function scalarField(number: number, type: string): ReturnType<typeof singleWriter> {
  const node = scalars.get(type);
  if (node === undefined) throw new Error(`no scalar type ${type}`);
  return singleWriter(number, node, false);
}

/** Any JSON, as google/protobuf/struct.proto has it: its numbers are doubles. */
function structNodes(): { struct: ProtobufNode; value: ProtobufNode; list: ProtobufNode } {
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
  const double = scalars.get('double');
  const text = scalars.get('string');
  if (double === undefined || text === undefined) throw new Error('no scalar types');

  const struct: ProtobufNode = {
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
            value.write(item[name], to);
          });
          to.path.pop();
        }
      });
    },
  };
  const list: ProtobufNode = {
    wireType: wireTypes.delimited,
    write(items, to) {
      if (!Array.isArray(items)) return to.fault('type', 'google.protobuf.ListValue', 'must be an array');
      to.nested(() => {
        for (let index = 0; index < items.length; index++) {
          to.path.push(index);
          to.out.varint(tags.item);
          value.write(items[index], to);
          to.path.pop();
        }
      });
    },
  };
  const value: ProtobufNode = {
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
      text?.write(item, to);
    } else if (Array.isArray(item)) {
      out.varint(tags.list);
      list.write(item, to);
    } else if (isObject(item)) {
      out.varint(tags.struct);
      struct.write(item, to);
    } else {
      out.varint(tags.number);
      double?.write(item, to);
    }
  }
  return { struct, value, list };
}

/** `{"@type": "type.googleapis.com/a.B", …}`, where a.B is in the schema or well known. */
function anyNode(find: FindMessage, known: ReadonlyMap<string, ProtobufNode>): ProtobufNode {
  const expected = 'google.protobuf.Any (an object with @type)';
  return {
    wireType: wireTypes.delimited,
    write(value, to) {
      if (!isObject(value)) return to.fault('type', expected, `must be ${expected}`);
      to.nested(() => {
        if (Object.keys(value).length > 0) writeAny(value, to);
      });
    },
  };

  function writeAny(value: Readonly<Record<string, unknown>>, to: ProtobufEncoding): void {
    const url = Object.hasOwn(value, '@type') ? value['@type'] : undefined;
    if (typeof url !== 'string' || !url.includes('/')) {
      const message = 'must name a message type, like type.googleapis.com/a.B';
      return to.fault('any', 'the URL of a message type', message, '@type');
    }
    const fullName = url.slice(url.lastIndexOf('/') + 1);
    const special = known.get(fullName);
    const message = special === undefined ? find(fullName) : undefined;
    if (special === undefined && message === undefined) {
      return to.fault('any', 'a message type of the schema', `names ${fullName}, which the schema has not`, '@type');
    }
    to.out.varint(tagOf(1, wireTypes.delimited));
    to.out.string(url);
    to.out.varint(tagOf(2, wireTypes.delimited));
    if (message !== undefined) to.nested(() => message.writeFields(value, to, '@type'));
    else if (special !== undefined) writeSpecial(special, value, to);
  }

  /** A message with a JSON form of its own stands under `value`. */
  function writeSpecial(special: ProtobufNode, value: Readonly<Record<string, unknown>>, to: ProtobufEncoding): void {
    for (const key of Object.keys(value)) {
      if (key === '@type' || key === 'value') continue;
      to.fault('undeclared', 'no such field', 'is not declared beside @type and value', key);
    }
    if (!Object.hasOwn(value, 'value')) return to.fault('required', 'a value', 'is missing', 'value');
    to.path.push('value');
    special.write(value['value'], to);
    to.path.pop();
  }
}
