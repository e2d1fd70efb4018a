import * as fc from 'fast-check';
import {
  doubleJson,
  object,
  pick,
  several,
  text,
  typedDouble,
  valuesASchema,
  wholeJson,
  wholeNumber,
  type Gen,
  type GeneratedSchema,
  type GeneratedValue,
} from './cases.ts';

/** A type, and values of it: the JSON of a request and the typed form that a reader prints. */
interface Kind {
  readonly schema: unknown;
  value(): GeneratedValue;
}

const depthMax = 3;
const msADay = 86_400_000;
/** From year 1 to year 9999, which Python can tell. */
const firstMs = -62_135_596_800_000;
const lastMs = 253_402_300_799_000;

/** A random Avro schema with values. */
export function avroSchema(gen: Gen): GeneratedSchema {
  let names = 0;
  const name = (prefix: string): string => `${prefix}${names++}`;
  const scalars: Readonly<Record<string, () => Kind>> = {
    null: () => kind('null', () => ['null', null]),
    boolean: () => kind('boolean', () => ((value) => [String(value), value])(gen(fc.boolean))),
    int: () => kind('int', () => ((value) => [String(value), `i${value}`])(wholeNumber(gen, 32))),
    long: () => kind('long', () => ((value) => [wholeJson(gen, value, true), `i${value}`])(wholeNumber(gen, 64))),
    float: () => kind('float', () => ((value) => [doubleJson(value), typedDouble(value)])(gen(fc.float))),
    double: () => kind('double', () => ((value) => [doubleJson(value), typedDouble(value)])(gen(fc.double))),
    string: () => kind('string', () => ((value) => [JSON.stringify(value), `s${value}`])(text(gen, 80))),
    bytes: () => kind('bytes', () => bytesValue(gen(fc.uint8Array, { maxLength: 40 }))),
    fixed: () => {
      const size = 1 + gen(fc.nat, 9);
      const schema = { type: 'fixed', name: name('F'), size };
      return kind(schema, () => bytesValue(gen(fc.uint8Array, { minLength: size, maxLength: size })));
    },
    enum: () => {
      const symbols = ['A', 'B', 'C', 'D'].slice(0, 1 + gen(fc.nat, 3));
      const schema = { type: 'enum', name: name('E'), symbols };
      return kind(schema, () => ((symbol) => [JSON.stringify(symbol), `s${symbol}`])(pick(gen, symbols)));
    },
    decimal: () => decimalKind(),
    uuid: () =>
      kind({ type: 'string', logicalType: 'uuid' }, () => ((id) => [JSON.stringify(id), `s${id}`])(gen(fc.uuid))),
    date: () =>
      kind({ type: 'int', logicalType: 'date' }, () => {
        const days = Math.floor(gen(fc.integer, { min: firstMs / 1000, max: lastMs / 1000 }) / (msADay / 1000));
        const iso = new Date(days * msADay).toISOString().slice(0, 10);
        return [gen(fc.boolean) ? String(days) : JSON.stringify(iso), `T${BigInt(days) * BigInt(msADay) * 1000n}`];
      }),
    'time-micros': () =>
      kind({ type: 'long', logicalType: 'time-micros' }, () => {
        const micros = gen(fc.nat, msADay - 1) * 1000 + gen(fc.nat, 999);
        const clock = new Date(Math.floor(micros / 1000)).toISOString().slice(11, 23);
        const iso = `${clock}${String(micros % 1000).padStart(3, '0')}`;
        return [gen(fc.boolean) ? String(micros) : JSON.stringify(iso), `T${micros}`];
      }),
    'timestamp-millis': () =>
      kind({ type: 'long', logicalType: 'timestamp-millis' }, () => {
        const ms = gen(fc.integer, { min: firstMs, max: lastMs });
        const iso = new Date(ms).toISOString();
        return [gen(fc.boolean) ? String(ms) : JSON.stringify(iso), `T${BigInt(ms) * 1000n}`];
      }),
    'timestamp-micros': () =>
      kind({ type: 'long', logicalType: 'timestamp-micros' }, () => {
        const micros = BigInt(gen(fc.integer, { min: firstMs, max: lastMs })) * 1000n + BigInt(gen(fc.nat, 999));
        return [wholeJson(gen, micros, true), `T${micros}`];
      }),
  };
  // A union holds each of these once.
  const inUnion = ['boolean', 'int', 'string', 'array', 'map', 'record'];

  const root = recordKind(0);
  const values = Array.from({ length: valuesASchema }, () => root.value());
  return { schemaType: 'AVRO', schema: JSON.stringify(root.schema), values };

  function make(depth: number, allowed?: readonly string[]): Kind {
    const all = [...Object.keys(scalars), ...(depth < depthMax ? ['array', 'map', 'record', 'union'] : [])];
    const chosen = pick(gen, allowed === undefined ? all : all.filter((each) => allowed.includes(each)));
    switch (chosen) {
      case 'array': {
        const items = make(depth + 1);
        return kind({ type: 'array', items: items.schema }, () => {
          const list = several(gen, 3, () => items.value());
          return [`[${list.map(({ json }) => json).join(',')}]`, list.map(({ expected }) => expected)];
        });
      }
      case 'map': {
        const item = make(depth + 1);
        return kind({ type: 'map', values: item.schema }, () => {
          const entries = new Map(several(gen, 3, (index) => [`${index}${text(gen, 5)}`, item.value()] as const));
          return parts(entries);
        });
      }
      case 'record':
        return recordKind(depth);
      case 'union':
        return unionKind(depth);
      default:
        return scalars[chosen]?.() ?? unreachable(chosen);
    }
  }

  function recordKind(depth: number): Kind {
    const recordName = name('R');
    // confluent-kafka takes a record of no bytes for one that is cut off.
    const least = depth === 0 ? [{ name: 'id', type: make(depthMax, ['int']), isOptional: false }] : [];
    const more = several(gen, 5, (index) => {
      const type = make(depth + 1);
      return { name: `f${index}`, type, isOptional: gen(fc.boolean) && type.schema === 'string' };
    });
    const fields = [...least, ...more];
    const schema = {
      type: 'record',
      name: recordName,
      namespace: 'sluice.test',
      fields: fields.map(({ name: field, type, isOptional }) => ({
        name: field,
        type: type.schema,
        ...(isOptional ? { default: 'the default' } : {}),
      })),
    };
    return kind(schema, () => {
      const given = new Map<string, GeneratedValue>();
      const left: [string, unknown][] = [];
      for (const field of fields) {
        if (field.isOptional && gen(fc.boolean)) left.push([field.name, 'sthe default']);
        else given.set(field.name, field.type.value());
      }
      const [json, expected] = parts(given);
      return [json, { ...expected, ...Object.fromEntries(left) }];
    });
  }

  /** null or something, or null and two things that JSON tells apart. */
  function unionKind(depth: number): Kind {
    const first = make(depth + 1, [...inUnion, 'long', 'decimal', 'double', 'timestamp-millis', 'fixed']);
    const branches = [{ schema: 'null', value: () => ({ json: 'null', expected: null }) }, first];
    const schema = branches.map((branch) => branch.schema);
    return kind(schema, () => {
      const value = pick(gen, branches).value();
      return [value.json, value.expected];
    });
  }

  function decimalKind(): Kind {
    const precision = 1 + gen(fc.nat, 24);
    const scale = gen(fc.nat, precision);
    const attributes = { logicalType: 'decimal', precision, scale };
    const schema = gen(fc.boolean)
      ? { type: 'bytes', ...attributes }
      : { type: 'fixed', name: name('D'), size: 12, ...attributes };
    return kind(schema, () => {
      const max = 10n ** BigInt(precision) - 1n;
      const unscaled = gen(fc.bigInt, { min: -max, max });
      const plain = decimalText(unscaled, scale);
      return [gen(fc.boolean) ? JSON.stringify(plain) : plain, `D${plain}`];
    });
  }

  function bytesValue(bytes: Uint8Array): [string, string] {
    const buffer = Buffer.from(bytes);
    const json = gen(fc.boolean) ? `base64:${buffer.toString('base64')}` : buffer.toString('latin1');
    // Text that begins like base64 is base64.
    const isClear = !buffer.toString('latin1').startsWith('base64:');
    return [JSON.stringify(isClear ? json : `base64:${buffer.toString('base64')}`), `b${buffer.toString('hex')}`];
  }
}

function kind(schema: unknown, value: () => [json: string, expected: unknown]): Kind {
  return {
    schema,
    value() {
      const [json, expected] = value();
      return { json, expected };
    },
  };
}

function parts(values: ReadonlyMap<string, GeneratedValue>): [json: string, expected: Record<string, unknown>] {
  const entries = [...values];
  const json = object(entries.map(([key, value]) => [key, value.json]));
  return [json, Object.fromEntries(entries.map(([key, value]) => [key, value.expected]))];
}

function decimalText(unscaled: bigint, scale: number): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const sign = unscaled < 0n ? '-' : '';
  return scale === 0 ? `${sign}${digits}` : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

function unreachable(what: string): never {
  throw new Error(what);
}
