import { isUtf8 } from 'node:buffer';
import { depthMax } from './avro-record.ts';
import type { AvroField, AvroRecord, AvroType, PrimitiveName } from './avro-type.ts';
import { Faults, pointerTo } from './format.ts';

/** The bytes cannot be read beyond this place. */
class BrokenBytes extends Error {}

/** Reads one value of a type, and notes what is wrong with it. */
type Read = (from: BinaryReader) => void;

interface RecordReader {
  readonly read: Read;
  fields: readonly (readonly [name: string, read: Read])[];
}

/**
 * Compiles the check of values that come in Avro's binary encoding: returns the faults of one. Every byte must be part of
 * the value. Nothing is built, so that the check takes time by the bytes alone.
 */
export function compileAvroCheck(root: AvroType): (bytes: Buffer) => Faults {
  const read = compileRead(root);
  return (bytes) => {
    const from = new BinaryReader(bytes);
    try {
      read(from);
      from.end();
    } catch (error) {
      if (!(error instanceof BrokenBytes)) throw error;
    }
    return from.faults;
  };
}

/** Builds the reader of a type and of all below it; that of a record once, so that it may refer to itself. */
function compileRead(root: AvroType): Read {
  const records = new Map<AvroRecord, RecordReader>();
  // A list rather than recursion: records may refer to each other in a chain of thousands.
  const waiting: AvroRecord[] = [];
  const read = build(root);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const reader = records.get(next);
    if (reader === undefined) continue;
    reader.fields = next.fields.map(({ name, type }: AvroField) => [name, build(type)] as const);
  }
  return read;

  function build(type: AvroType): Read {
    if (type.kind === 'record') return recordOf(type);
    if (type.kind === 'union') {
      const branches = type.branches.map(build);
      return (from) => from.union(branches);
    }
    if (type.kind === 'array') {
      const items = build(type.items);
      return (from) => from.blocks(items, false);
    }
    if (type.kind === 'map') {
      const values = build(type.values);
      return (from) => from.blocks(values, true);
    }
    if (type.kind === 'enum') return (from) => void from.index(type.symbols.length, `the symbols of ${type.name}`);
    return type.kind === 'fixed' ? (from) => from.skip(type.size) : primitives[type.kind];
  }

  function recordOf(type: AvroRecord): Read {
    const known = records.get(type);
    if (known !== undefined) return known.read;
    const reader: RecordReader = { fields: [], read: (from) => from.record(reader.fields) };
    records.set(type, reader);
    waiting.push(type);
    return reader.read;
  }
}

const primitives: Readonly<Record<PrimitiveName, Read>> = {
  null: () => undefined,
  boolean: (from) => from.boolean(),
  int: (from) => void from.int(),
  long: (from) => from.long(),
  float: (from) => from.skip(4),
  double: (from) => from.skip(8),
  bytes: (from) => void from.bytes(),
  string: (from) => from.string(),
};

/** One value on its way through the bytes. */
class BinaryReader {
  readonly faults = new Faults();
  readonly #bytes: Buffer;
  readonly #path: (string | number)[] = [];
  #at = 0;
  #depth = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  end(): void {
    if (this.#at < this.#bytes.length) this.#broken(this.#at, 'bytes behind its end');
  }

  skip(count: number): void {
    if (count > this.#bytes.length - this.#at) this.#broken(this.#at, 'a value that ends too early');
    this.#at += count;
  }

  boolean(): void {
    const start = this.#at;
    this.skip(1);
    if ((this.#bytes[start] ?? 0) > 1) this.#broken(start, 'a boolean that is neither 0 nor 1');
  }

  /** Reads a number of 32 bits. */
  int(): number {
    const start = this.#at;
    const value = this.#varint();
    if (value < -(2 ** 31) || value >= 2 ** 31) this.#broken(start, 'a number of more than 32 bits');
    return value;
  }

  long(): void {
    this.#varint();
  }

  /** Reads a length and what it counts. @returns where that begins */
  bytes(): number {
    const at = this.#at;
    const length = this.#varint();
    if (length < 0) this.#broken(at, 'a negative length');
    const start = this.#at;
    this.skip(length);
    return start;
  }

  string(): void {
    const start = this.bytes();
    if (isUtf8(this.#bytes.subarray(start, this.#at))) return;
    this.#fault('utf8', 'UTF-8', 'must be UTF-8');
  }

  /** Reads the index of one of so many things. */
  index(count: number, what: string): number {
    const start = this.#at;
    const index = this.#varint();
    if (index < 0 || index >= count) this.#broken(start, `an index beyond ${what}`);
    return index;
  }

  union(branches: readonly Read[]): void {
    branches[this.index(branches.length, 'the branches of its union')]?.(this);
  }

  record(fields: RecordReader['fields']): void {
    if (this.#depth >= depthMax) this.#broken(this.#at, `records that nest deeper than ${depthMax}`);
    this.#depth++;
    for (const [name, read] of fields) {
      this.#path.push(name);
      read(this);
      this.#path.pop();
    }
    this.#depth--;
  }

  /** Reads the blocks of an array or a map (specification 1.12, "Arrays"). */
  blocks(read: Read, isMap: boolean): void {
    for (let position = 0; ;) {
      const start = this.#at;
      const count = this.#varint();
      if (count === 0) return;
      const end = count < 0 ? this.#blockEnd() : undefined;
      const items = Math.abs(count);
      const first = this.#at;
      for (let item = 0; item < items; item++) {
        this.#item(read, isMap, position + item);
        // Items of no bytes are all alike, and there may be as many as a number can say.
        if (this.#at === first) break;
      }
      position += items;
      if (end !== undefined && this.#at !== end) this.#broken(start, 'a block whose size is not that of its items');
    }
  }

  #blockEnd(): number {
    const start = this.#at;
    const size = this.#varint();
    if (size < 0 || size > this.#bytes.length - this.#at) this.#broken(start, 'a block that ends too early');
    return this.#at + size;
  }

  #item(read: Read, isMap: boolean, position: number): void {
    let name: string | number = position;
    if (isMap) {
      const start = this.bytes();
      name = this.#bytes.toString('utf8', start, this.#at);
      if (!isUtf8(this.#bytes.subarray(start, this.#at))) this.#fault('utf8', 'UTF-8', 'has a key that is not UTF-8');
    }
    this.#path.push(name);
    read(this);
    this.#path.pop();
  }

  /** Reads a zig-zag number of at most 64 bits; beyond 2^53 it is near to what it says. */
  #varint(): number {
    const start = this.#at;
    let value = 0;
    let isOdd = false;
    for (let count = 0, factor = 1; ; count++, factor *= 128) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) this.#broken(start, 'a number that ends too early');
      if (count === 9 && byte > 1) this.#broken(start, 'a number of more than 64 bits');
      this.#at++;
      if (count === 0) isOdd = (byte & 1) === 1;
      value += (byte & 127) * factor;
      if (byte < 128) break;
    }
    return isOdd ? -Math.floor(value / 2) - 1 : Math.floor(value / 2);
  }

  #broken(at: number, what: string): never {
    this.#fault('encoding', 'a value in Avro', `is no value in Avro: ${what} (byte ${at})`);
    throw new BrokenBytes();
  }

  #fault(rule: string, expected: string, message: string): void {
    let pointer = '';
    for (const segment of this.#path) pointer = pointerTo(pointer, segment);
    this.faults.add({ pointer, rule, expected, message });
  }
}
