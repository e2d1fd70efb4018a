import { isUuid } from '../../../shared/uuid.ts';
import { kinds, scalarNode, type AvroNode, type Misfit } from './avro-node.ts';
import { intNode, longNode, readInt, readLong } from './avro-scalars.ts';
import { NumberText, parseDecimal, type DecimalMisfit } from './exact-json.ts';
import { parseIsoDate, parseIsoTime, parseIsoTimestamp, type FractionDigits, type TimeMisfit } from './iso-time.ts';

/** decimal: number text or a string, exact to the scale; bytes, or fixed when it has a size. */
export function decimalNode(options: {
  readonly name: string;
  readonly precision: number;
  readonly scale: number;
  /** The size of the underlying fixed; null for bytes. */
  readonly size: number | null;
}): AvroNode {
  const { name, precision, scale, size } = options;
  const expected = `decimal(${precision}, ${scale})`;
  const read = (value: unknown): bigint | DecimalMisfit | undefined => {
    const text = typeof value === 'number' ? String(value) : value instanceof NumberText ? value.text : value;
    return typeof text === 'string' ? parseDecimal(text, scale, precision) : undefined;
  };
  return scalarNode({
    name,
    accepts: kinds.number | kinds.string,
    rank: 3,
    expected,
    write(value, out) {
      const unscaled = read(value);
      if (typeof unscaled !== 'bigint') return false;
      const bytes = twosComplement(unscaled, size);
      if (bytes === undefined) return false;
      if (size === null) out.bytes(bytes);
      else out.raw(bytes);
      return true;
    },
    diagnose(value): Misfit | undefined {
      const misfit = read(value);
      if (misfit === undefined) return undefined;
      if (misfit === 'scale') {
        return { rule: 'scale', expected, message: `must have at most ${scale} digits behind the decimal point` };
      }
      if (misfit === 'syntax') return { rule: 'format', expected, message: 'must be a decimal number' };
      return { rule: 'precision', expected, message: `must have at most ${precision} digits in all` };
    },
  });
}

export function dateNode(): AvroNode {
  return timeNode('int', 'date', 'days since 1970-01-01, or a date like 2024-12-31', parseIsoDate);
}

export function timeOfDayNode(base: 'int' | 'long', digits: FractionDigits): AvroNode {
  const expected = `${unitNames[digits]} since midnight, or a time like 23:59:59`;
  return timeNode(base, `time-${unitNames[digits]}`, expected, (text) => parseIsoTime(text, digits));
}

export function timestampNode(digits: FractionDigits, local: boolean): AvroNode {
  const name = `${local ? 'local-' : ''}timestamp-${unitNames[digits]}`;
  const example = local ? '2024-12-31T23:59:59' : '2024-12-31T23:59:59Z';
  const expected = `${unitNames[digits]} since 1970-01-01, or a time like ${example}`;
  return timeNode('long', name, expected, (text) => parseIsoTimestamp(text, digits, local));
}

const unitNames = { 3: 'millis', 6: 'micros', 9: 'nanos' } as const;

function timeNode(
  base: 'int' | 'long',
  logicalName: string,
  form: string,
  parse: (text: string) => number | bigint | TimeMisfit,
): AvroNode {
  const expected = `${logicalName} (${form})`;
  const { name, rank } = base === 'int' ? intNode : longNode;
  const readNumber: typeof readLong = base === 'int' ? readInt : readLong;
  return scalarNode({
    name,
    accepts: kinds.number | kinds.string,
    rank: rank + 1,
    expected,
    write(value, out) {
      const units = typeof value === 'string' ? parse(value) : readNumber(value, out);
      if (typeof units === 'number' || typeof units === 'bigint') {
        out.long(units);
        return true;
      }
      // The underlying long may come as a decimal string.
      const long = base === 'long' ? readLong(value) : undefined;
      if (long === undefined) return false;
      out.long(long);
      return true;
    },
    diagnose(value): Misfit | undefined {
      if (typeof value !== 'string') return undefined;
      const misfit = parse(value);
      if (misfit === 'precision') {
        return { rule: 'precision', expected, message: `must not be finer than the unit of ${logicalName}` };
      }
      if (misfit === 'value') return { rule: 'format', expected, message: 'must be a day and time that exist' };
      return { rule: 'format', expected, message: `must be ${expected}` };
    },
  });
}

/** uuid: its text, as a string or as the 16 bytes of a fixed. */
export function uuidNode(options: { readonly name: string; readonly isFixed: boolean }): AvroNode {
  return scalarNode({
    name: options.name,
    accepts: kinds.string,
    rank: 1,
    expected: 'uuid',
    write(value, out) {
      if (typeof value !== 'string' || !isUuid(value)) return false;
      if (!options.isFixed) return out.string(value);
      out.raw(Buffer.from(value.replaceAll('-', ''), 'hex'));
      return true;
    },
    diagnose: (value) =>
      typeof value === 'string'
        ? { rule: 'format', expected: 'uuid', message: 'must be a UUID like 123e4567-e89b-12d3-a456-426614174000' }
        : undefined,
  });
}

/** Big-endian two's complement: the shortest, or extended to `size`; undefined when it does not fit that. */
function twosComplement(value: bigint, size: number | null): Buffer | undefined {
  const bits = (value < 0n ? -value - 1n : value).toString(2).length;
  const shortest = Math.floor(bits / 8) + 1;
  const length = size ?? shortest;
  if (shortest > length) return undefined;
  const hex = BigInt.asUintN(length * 8, value)
    .toString(16)
    .padStart(length * 2, '0');
  return Buffer.from(hex, 'hex');
}
