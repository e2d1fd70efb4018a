import { parseIsoTimestamp } from './iso-time.ts';
import { isObject } from './json-value.ts';
import { tagOf, wireTypes, type MessageNode, type ProtobufEncoding, type ProtobufNode } from './protobuf-node.ts';
import { singleWriter } from './protobuf-message.ts';
import { scalars } from './protobuf-scalars.ts';
import { structListNode, structNode, structValueNode } from './protobuf-struct.ts';

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
  const nodes: [string, ProtobufNode][] = [
    ['Timestamp', timestampNode],
    ['Duration', durationNode],
    ['FieldMask', fieldMaskNode],
    ['Struct', structNode],
    ['Value', structValueNode],
    ['ListValue', structListNode],
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
