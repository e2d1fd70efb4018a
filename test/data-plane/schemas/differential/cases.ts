import * as fc from 'fast-check';

/** What `fc.gen()` gives: draws a value of an arbitrary. */
export type Gen = fc.GeneratorValue;

/** A schema's source as a registry takes it, and values with what a reader must find. */
export interface GeneratedSchema {
  readonly schemaType: 'AVRO' | 'JSON' | 'PROTOBUF';
  readonly schema: string;
  readonly values: readonly GeneratedValue[];
  /** For Protobuf: the message's full name and its file as a FileDescriptorProto, made apart from the text. */
  readonly message?: string;
  readonly descriptor?: unknown;
}

export interface GeneratedValue {
  /** The request body. */
  readonly json: string;
  readonly expected: unknown;
}

export const valuesASchema = 4;

export function pick<T>(gen: Gen, items: readonly T[]): T {
  const item = items[gen(fc.nat, items.length - 1)];
  if (item === undefined) throw new Error('nothing to pick');
  return item;
}

/** So many of what `make` makes. */
export function several<T>(gen: Gen, max: number, make: (index: number) => T): T[] {
  return Array.from({ length: gen(fc.nat, max) }, (_, index) => make(index));
}

export function text(gen: Gen, maxLength = 20): string {
  return gen(fc.string, { unit: 'grapheme', maxLength });
}

export function wholeNumber(gen: Gen, bits: 32 | 64, signed = true): bigint {
  const size = BigInt(bits);
  const range = signed ? { min: -(2n ** (size - 1n)), max: 2n ** (size - 1n) - 1n } : { min: 0n, max: 2n ** size - 1n };
  // Small ones are the usual ones.
  return gen(fc.boolean) ? BigInt(gen(fc.integer, { min: signed ? -300 : 0, max: 300 })) : gen(fc.bigInt, range);
}

/** A whole number as JSON writes it, as a number or as a string where that is allowed. */
export function wholeJson(gen: Gen, value: bigint, asText: boolean): string {
  return asText && gen(fc.boolean) ? `"${value}"` : String(value);
}

export function object(entries: readonly (readonly [string, string])[]): string {
  return `{${entries.map(([key, json]) => `${JSON.stringify(key)}:${json}`).join(',')}}`;
}

/** The typed form of a double, as the readers print it. */
export function typedDouble(value: number): string {
  if (Number.isNaN(value)) return 'dNaN';
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return `d${bytes.toString('hex')}`;
}

export function doubleJson(value: number): string {
  if (Object.is(value, -0)) return '-0.0';
  return Number.isFinite(value) ? JSON.stringify(value) : JSON.stringify(String(value));
}
