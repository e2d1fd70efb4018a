import { kinds, scalarNode, type AvroNode, type Misfit } from './avro-node.ts';
import type { AvroWriter } from './avro-writer.ts';
import { NumberText, parseDecimal } from './exact-json.ts';
import { codes } from './json-cursor.ts';
import { isObject } from './json-value.ts';

/** JSON's literals. */
export const words = { null: Buffer.from('null'), true: Buffer.from('true'), false: Buffer.from('false') };

const longMin = -(2n ** 63n);
const longMax = 2n ** 63n - 1n;
const floatMax = 3.4028234663852886e38;

export const nullNode: AvroNode = scalarNode({
  name: 'null',
  accepts: kinds.null,
  expected: 'null',
  write: (value) => value === null,
  transcode: (from) => from.takeWord(words.null),
});

export const booleanNode: AvroNode = scalarNode({
  name: 'boolean',
  accepts: kinds.boolean,
  expected: 'boolean',
  write(value, out) {
    if (typeof value !== 'boolean') return false;
    out.byte(value ? 1 : 0);
    return true;
  },
  transcode(from, out) {
    const isTrue = from.takeWord(words.true);
    if (!isTrue && !from.takeWord(words.false)) return false;
    out.byte(isTrue ? 1 : 0);
    return true;
  },
});

export const intNode: AvroNode = scalarNode({
  name: 'int',
  accepts: kinds.number,
  rank: 0,
  expected: 'int',
  write(value, out) {
    const int = readInt(value);
    if (int === undefined) return false;
    out.int(int);
    return true;
  },
  transcode(from, out) {
    if (!from.readNumber() || from.number !== (from.number | 0)) return false;
    out.int(from.number);
    return true;
  },
  diagnose: (value) => diagnoseInteger(value, 'int', 'from -2147483648 to 2147483647'),
});

export const longNode: AvroNode = scalarNode({
  name: 'long',
  accepts: kinds.number | kinds.string,
  rank: 2,
  expected: 'long',
  write(value, out) {
    const long = readLong(value, out);
    if (long === undefined) return false;
    out.long(long);
    return true;
  },
  transcode(from, out) {
    if (!from.readNumber() || !Number.isInteger(from.number)) return false;
    out.long(from.number);
    return true;
  },
  diagnose: (value) => diagnoseInteger(value, 'long', 'from -9223372036854775808 to 9223372036854775807'),
});

export const floatNode: AvroNode = scalarNode({
  name: 'float',
  accepts: kinds.number | kinds.string,
  rank: 4,
  expected: 'float',
  write(value, out) {
    const number = readDouble(value);
    if (number === undefined || (Number.isFinite(number) && Math.abs(number) > floatMax)) return false;
    out.float(number);
    return true;
  },
  transcode(from, out) {
    if (!from.readNumber()) return false;
    out.float(from.number);
    return true;
  },
  diagnose: (value) => diagnoseFloat(value, 'float'),
});

export const doubleNode: AvroNode = scalarNode({
  name: 'double',
  accepts: kinds.number | kinds.string,
  rank: 5,
  expected: 'double',
  write(value, out) {
    const number = readDouble(value);
    if (number === undefined) return false;
    out.double(number);
    return true;
  },
  transcode(from, out) {
    if (!from.readNumber()) return false;
    out.double(from.number);
    return true;
  },
  diagnose: (value) => diagnoseFloat(value, 'double'),
});

export const stringNode: AvroNode = scalarNode({
  name: 'string',
  accepts: kinds.string,
  rank: 1,
  expected: 'string',
  write: (value, out) => typeof value === 'string' && out.string(value),
  transcode(from, out) {
    if (!from.take(codes.quote)) return false;
    from.at = out.jsonString(from.bytes, from.at);
    return from.at > 0;
  },
  diagnose: (value) =>
    typeof value === 'string'
      ? { rule: 'format', expected: 'string', message: 'must not hold a lone surrogate, which UTF-8 cannot carry' }
      : undefined,
});

export function bytesNode(options: { readonly base64: boolean }): AvroNode {
  return scalarNode({
    name: 'bytes',
    accepts: kinds.string,
    expected: 'bytes',
    write(value, out) {
      const bytes = readBytes(value, options.base64);
      if (bytes === undefined) return false;
      out.bytes(bytes);
      return true;
    },
    diagnose: (value) => (typeof value === 'string' ? bytesMisfit(value, options.base64, 'bytes') : undefined),
  });
}

export function fixedNode(options: {
  readonly name: string;
  readonly size: number;
  readonly base64: boolean;
}): AvroNode {
  const { name, size, base64 } = options;
  const expected = `${name} (fixed, ${size} bytes)`;
  return scalarNode({
    name,
    accepts: kinds.string,
    expected,
    write(value, out) {
      const bytes = readBytes(value, base64);
      if (bytes?.length !== size) return false;
      out.raw(bytes);
      return true;
    },
    diagnose(value) {
      if (typeof value !== 'string') return undefined;
      const bytes = readBytes(value, base64);
      if (bytes === undefined) return bytesMisfit(value, base64, expected);
      return { rule: 'size', expected, message: `must be ${size} bytes, not ${bytes.length}` };
    },
  });
}

export function enumNode(options: { readonly name: string; readonly symbols: readonly string[] }): AvroNode {
  const indexes = new Map(options.symbols.map((symbol, index) => [symbol, index]));
  const expected = options.symbols.join(', ');
  return scalarNode({
    name: options.name,
    accepts: kinds.string,
    rank: 0,
    expected,
    write(value, out) {
      const index = typeof value === 'string' ? indexes.get(value) : undefined;
      if (index === undefined) return false;
      out.int(index);
      return true;
    },
    diagnose: () => ({ rule: 'enum', expected, message: `must be one of the symbols of ${options.name}: ${expected}` }),
  });
}

export function readInt(value: unknown): number | undefined {
  if (typeof value === 'number') return value === (value | 0) ? value : undefined;
  const long = value instanceof NumberText ? readLong(value) : undefined;
  return long !== undefined && BigInt.asIntN(32, BigInt(long)) === BigInt(long) ? Number(long) : undefined;
}

/**
 * A whole number of 64 bits: a plain number where that is exact. Decimal strings count too. A plain number so large
 * that JSON.parse may have rounded it is refused and noted in `out`, so that the text is parsed again, exactly.
 */
export function readLong(value: unknown, out?: AvroWriter): number | bigint | undefined {
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return value;
    if (out !== undefined && Number.isInteger(value)) out.sawRounded = true;
    return undefined;
  }
  const text = value instanceof NumberText ? value.text : value;
  if (typeof text !== 'string') return undefined;
  const parsed = parseDecimal(text, 0, 19);
  return typeof parsed === 'bigint' && parsed >= longMin && parsed <= longMax ? parsed : undefined;
}

export function readDouble(value: unknown): number | undefined {
  // JSON has no infinity: an infinite number is one that a double cannot hold.
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (value instanceof NumberText) return readDouble(Number(value.text));
  if (value === 'NaN') return Number.NaN;
  if (value === 'Infinity') return Number.POSITIVE_INFINITY;
  return value === '-Infinity' ? Number.NEGATIVE_INFINITY : undefined;
}

/** Avro's JSON form of bytes (code points 0 to 255), or base64 behind the prefix `base64:` where that is allowed. */
export function readBytes(value: unknown, base64: boolean): Buffer | undefined {
  if (typeof value !== 'string') return undefined;
  if (base64 && value.startsWith('base64:')) {
    const text = value.slice('base64:'.length);
    const isBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/.test(text);
    return isBase64 ? Buffer.from(text, 'base64') : undefined;
  }
  // eslint-disable-next-line no-control-regex -- control characters are bytes like any other
  return /^[\u0000-\u00ff]*$/.test(value) ? Buffer.from(value, 'latin1') : undefined;
}

function bytesMisfit(value: string, base64: boolean, expected: string): Misfit {
  return base64 && value.startsWith('base64:')
    ? { rule: 'format', expected, message: "must be base64 behind the prefix 'base64:'" }
    : { rule: 'format', expected, message: 'must hold only code points from 0 to 255, one a byte' };
}

function diagnoseInteger(value: unknown, name: string, range: string): Misfit | undefined {
  if (typeof value === 'string' && name === 'long' && parseDecimal(value, 0, 40) === 'syntax') return undefined;
  if (isObject(value) || (typeof value !== 'number' && typeof value !== 'string' && !(value instanceof NumberText))) {
    return undefined;
  }
  if (typeof value === 'string' && name !== 'long') return undefined;
  const text = value instanceof NumberText ? value.text : String(value);
  return parseDecimal(text, 0, 400) === 'scale'
    ? { rule: 'type', expected: name, message: `must be ${name}, a whole number` }
    : { rule: 'range', expected: name, message: `must be ${name}: ${range}` };
}

function diagnoseFloat(value: unknown, name: string): Misfit | undefined {
  const isNumber = typeof value === 'number' || value instanceof NumberText;
  return isNumber ? { rule: 'range', expected: name, message: `must be within the range of ${name}` } : undefined;
}
