import { NumberText, parseDecimal } from './exact-json.ts';
import { wireTypes, type ProtobufEncoding, type ProtobufNode, type WireType } from './protobuf-node.ts';
import type { ProtobufWriter } from './protobuf-writer.ts';

const floatMax = 3.4028234663852886e38;

interface Whole {
  readonly wireType: WireType;
  readonly min: bigint;
  readonly max: bigint;
  readonly put: (out: ProtobufWriter, value: number | bigint) => void;
}

const signed = (bits: bigint) => ({ min: -(2n ** (bits - 1n)), max: 2n ** (bits - 1n) - 1n });
const unsigned = (bits: bigint) => ({ min: 0n, max: 2n ** bits - 1n });
const varint = {
  wireType: wireTypes.varint,
  put: (out: ProtobufWriter, value: number | bigint) => out.varint(value),
} as const;
const zigzag = {
  wireType: wireTypes.varint,
  put: (out: ProtobufWriter, value: number | bigint) => out.zigzag(value),
} as const;
const fixed32 = {
  wireType: wireTypes.fixed32,
  put: (out: ProtobufWriter, value: number | bigint) => out.fixed32(value),
} as const;
const fixed64 = {
  wireType: wireTypes.fixed64,
  put: (out: ProtobufWriter, value: number | bigint) => out.fixed64(value),
} as const;

const wholes: Readonly<Record<string, Whole>> = {
  int32: { ...varint, ...signed(32n) },
  int64: { ...varint, ...signed(64n) },
  uint32: { ...varint, ...unsigned(32n) },
  uint64: { ...varint, ...unsigned(64n) },
  sint32: { ...zigzag, ...signed(32n) },
  sint64: { ...zigzag, ...signed(64n) },
  fixed32: { ...fixed32, ...unsigned(32n) },
  sfixed32: { ...fixed32, ...signed(32n) },
  fixed64: { ...fixed64, ...unsigned(64n) },
  sfixed64: { ...fixed64, ...signed(64n) },
};

const boolNode: ProtobufNode = {
  wireType: wireTypes.varint,
  write(value, to) {
    if (typeof value === 'boolean') to.out.varint(value ? 1 : 0);
    else to.fault('type', 'bool', 'must be true or false');
  },
};

const stringNode: ProtobufNode = {
  wireType: wireTypes.delimited,
  write(value, to) {
    if (typeof value !== 'string') to.fault('type', 'string', 'must be a string');
    else if (!to.out.string(value)) {
      to.fault('format', 'string', 'must not hold a lone surrogate, which UTF-8 cannot carry');
    }
  },
};

/** Base64 of either alphabet, with or without padding. */
const base64 = /^(?:[A-Za-z0-9+/_-]{4})*(?:[A-Za-z0-9+/_-]{2}(?:==)?|[A-Za-z0-9+/_-]{3}=?)?$/;

const bytesNode: ProtobufNode = {
  wireType: wireTypes.delimited,
  write(value, to) {
    if (typeof value !== 'string') to.fault('type', 'bytes', 'must be a string (bytes in base64)');
    else if (!base64.test(value)) to.fault('format', 'bytes', 'must be base64');
    else to.out.bytes(Buffer.from(value, 'base64'));
  },
};

const floatNode = floatingNode('float', wireTypes.fixed32, floatMax, (out, value) => out.float(value));
const doubleNode = floatingNode('double', wireTypes.fixed64, Number.MAX_VALUE, (out, value) => out.double(value));

/** The scalar types by their names in a .proto file. */
export const scalars: ReadonlyMap<string, ProtobufNode> = new Map<string, ProtobufNode>([
  ...Object.entries(wholes).map(([name, whole]): [string, ProtobufNode] => [name, wholeNode(name, whole)]),
  ['bool', boolNode],
  ['string', stringNode],
  ['bytes', bytesNode],
  ['float', floatNode],
  ['double', doubleNode],
]);

function wholeNode(name: string, whole: Whole): ProtobufNode {
  const { wireType, min, max, put } = whole;
  const [low, high] = [Number(min), Number(max)];
  return {
    wireType,
    write(value, to) {
      // Plain numbers are the common case; one that may be rounded is looked at again, exactly.
      if (typeof value === 'number' && Number.isSafeInteger(value) && value >= low && value <= high) {
        put(to.out, value);
        return;
      }
      if (typeof value === 'number' && !Number.isSafeInteger(value) && Math.floor(value) === value)
        to.sawRounded = true;
      const text = typeof value === 'number' ? String(value) : value instanceof NumberText ? value.text : value;
      const parsed = typeof text === 'string' ? parseDecimal(text, 0, 20) : 'syntax';
      if (typeof parsed === 'bigint' && parsed >= min && parsed <= max) put(to.out, parsed);
      else if (parsed === 'syntax') to.fault('type', name, `must be ${name}, as a number or a string of digits`);
      else if (parsed === 'scale') to.fault('type', name, `must be ${name}, a whole number`);
      else to.fault('range', name, `must be ${name}: from ${min} to ${max}`);
    },
  };
}

const specialNumbers: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

function floatingNode(
  name: string,
  wireType: WireType,
  max: number,
  put: (out: ProtobufWriter, value: number) => void,
): ProtobufNode {
  return {
    wireType,
    write(value, to) {
      if (typeof value === 'string' && Object.hasOwn(specialNumbers, value)) {
        put(to.out, specialNumbers[value] ?? 0);
        return;
      }
      const number = readNumber(value);
      if (number === undefined) {
        to.fault('type', name, `must be ${name}: a number, its text, "NaN", "Infinity" or "-Infinity"`);
      } else if (Math.abs(number) <= max) {
        put(to.out, number);
      } else {
        // JSON has no infinity: an infinite number is one that a double cannot hold.
        to.fault('range', name, `must be within the range of ${name}`);
      }
    },
  };
}

/** A JSON number, or a string that holds one. */
function readNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  const text = value instanceof NumberText ? value.text : value;
  if (typeof text !== 'string') return undefined;
  return /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/.test(text) ? Number(text) : undefined;
}

/**
 * An enum: a symbol's name, or a number; numbers without a symbol pass where the enum is open (proto3).
 * @param isNull Whether it is google.protobuf.NullValue, whose JSON is null.
 */
export function enumNode(options: {
  readonly name: string;
  readonly values: ReadonlyMap<string, number>;
  readonly isOpen: boolean;
  readonly isNull: boolean;
}): ProtobufNode {
  const { name, values, isOpen, isNull } = options;
  const numbers = new Set(values.values());
  const expected = [...values.keys()].join(', ');
  return {
    wireType: wireTypes.varint,
    ...(isNull ? { takesNull: true } : {}),
    write(value, to) {
      const number = isNull && value === null ? 0 : typeof value === 'string' ? values.get(value) : value;
      const isInt32 = typeof number === 'number' && number === (number | 0);
      if (isInt32 && (isOpen || numbers.has(number))) to.out.varint(number);
      else to.fault('enum', expected, `must be one of the values of ${name}: ${expected}`);
    },
  };
}

/** Writes a map's key, which JSON gives as a property's name. */
export function mapKeyWriter(type: string): { wireType: WireType; write(key: string, to: ProtobufEncoding): void } {
  const node = scalars.get(type) ?? stringNode;
  const { wireType } = node;
  if (type === 'string') return { wireType, write: (key, to) => node.write(key, to) };
  if (type === 'bool') {
    return {
      wireType,
      write(key, to) {
        if (key === 'true' || key === 'false') to.out.varint(key === 'true' ? 1 : 0);
        else to.fault('type', 'bool', 'the key must be true or false');
      },
    };
  }
  return {
    wireType,
    write(key, to) {
      // One spelling a number, so that no two properties are the same key.
      if (/^(?:0|-?[1-9][0-9]*)$/.test(key)) node.write(key, to);
      else to.fault('type', type, `the key must be ${type}, a whole number`);
    },
  };
}
