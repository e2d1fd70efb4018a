import { readBytes, readDouble, readInt, readLong } from './avro-scalars.ts';
import type { AvroEnum, AvroField, AvroFixed, AvroRecord, AvroType, PrimitiveName } from './avro-type.ts';
import { AvroWriter } from './avro-writer.ts';
import { NumberText } from './exact-json.ts';
import { schemaBounds, SchemaUnusableError } from './format.ts';
import { isObject, ownValue } from './json-value.ts';

/** Values that one schema's defaults may try on the branches of unions. */
const attemptsMax = 1_000_000;

/** Encodes the defaults of one schema's fields, each once. */
export class AvroDefaults {
  readonly #known = new Map<AvroField, Buffer | null>();
  readonly #open = new Set<AvroField>();
  /** The writers of defaults that stand within each other. */
  readonly #writers: AvroWriter[] = [];
  #bytesLeft: number = schemaBounds.defaultBytes;
  #attemptsLeft = attemptsMax;

  /** Returns a field's default in binary; null when it has none, or one that does not fit its type. */
  bytesOf(field: AvroField): Buffer | null {
    const known = this.#known.get(field);
    if (known !== undefined) return known;
    if (field.defaultValue === undefined) return null;
    if (this.#open.has(field)) throw new SchemaUnusableError(`the default of the field ${field.name} contains itself`);
    this.#open.add(field);
    const out = this.#writers[this.#open.size] ?? new AvroWriter();
    this.#writers[this.#open.size] = out;
    out.reset();
    const bytes = this.#write(field.type, field.defaultValue, out) ? out.take() : null;
    this.#open.delete(field);
    this.#bytesLeft -= bytes?.length ?? 0;
    if (this.#bytesLeft < 0) {
      throw new SchemaUnusableError(
        `the defaults of the Avro schema take more than ${schemaBounds.defaultBytes} bytes`,
      );
    }
    this.#known.set(field, bytes);
    return bytes;
  }

  #write(type: AvroType, value: unknown, out: AvroWriter): boolean {
    if (type.kind === 'union') return this.#writeUnion(type.branches, value, out);
    if (type.kind === 'record') return isObject(value) && this.#writeRecord(type, value, out);
    if (type.kind === 'array') {
      return Array.isArray(value) && this.#writeBlock(value, (item) => this.#write(type.items, item, out), out);
    }
    if (type.kind === 'map') {
      const writeEntry = ([key, item]: [string, unknown]): boolean =>
        out.string(key) && this.#write(type.values, item, out);
      return isObject(value) && this.#writeBlock(Object.entries(value), writeEntry, out);
    }
    if (type.kind === 'enum') return writeSymbol(type, value, out);
    return type.kind === 'fixed' ? writeFixed(type, value, out) : primitiveWriters[type.kind](value, out);
  }

  #writeBlock<Item>(items: readonly Item[], write: (item: Item) => boolean, out: AvroWriter): boolean {
    if (items.length > 0) out.int(items.length);
    for (const item of items) if (!write(item)) return false;
    out.byte(0);
    return true;
  }

  #writeRecord({ fields }: AvroRecord, value: Readonly<Record<string, unknown>>, out: AvroWriter): boolean {
    for (const field of fields) {
      const item = ownValue(value, field.name);
      if (item !== undefined) {
        if (!this.#write(field.type, item, out)) return false;
      } else {
        const bytes = this.bytesOf(field);
        if (bytes === null) return false;
        this.#refuseLarge(out, bytes);
        out.raw(bytes);
      }
    }
    return true;
  }

  /** A default belongs to the first branch that it fits: to the first of all until 1.11, to any since 1.12. */
  #writeUnion(branches: readonly AvroType[], value: unknown, out: AvroWriter): boolean {
    const { position } = out;
    for (const [index, branch] of branches.entries()) {
      // The text "NaN" is a number only where no branch takes text.
      if (typeof value === 'string' && (branch.kind === 'float' || branch.kind === 'double')) continue;
      if (--this.#attemptsLeft < 0) throw new SchemaUnusableError('the defaults of the Avro schema take too long');
      out.int(index);
      if (this.#write(branch, value, out)) return true;
      out.position = position;
    }
    return false;
  }

  /** Defaults of records within records can double their size at each level. */
  #refuseLarge(out: AvroWriter, bytes: Buffer): void {
    if (out.position + bytes.length <= schemaBounds.defaultBytes) return;
    throw new SchemaUnusableError(`a default of the Avro schema takes more than ${schemaBounds.defaultBytes} bytes`);
  }
}

const primitiveWriters: Readonly<Record<PrimitiveName, (value: unknown, out: AvroWriter) => boolean>> = {
  null: (value) => value === null,
  boolean(value, out) {
    if (typeof value !== 'boolean') return false;
    out.byte(value ? 1 : 0);
    return true;
  },
  int: (value, out) => isGiven(readInt(value), (int) => out.int(int)),
  long: (value, out) => isGiven(readWhole(value), (long) => out.long(long)),
  float: (value, out) => isGiven(readDouble(value), (double) => out.float(double)),
  double: (value, out) => isGiven(readDouble(value), (double) => out.double(double)),
  string: (value, out) => typeof value === 'string' && out.string(value),
  bytes: (value, out) => isGiven(readBytes(value, false), (bytes) => out.bytes(bytes)),
};

function writeSymbol({ symbols }: AvroEnum, value: unknown, out: AvroWriter): boolean {
  const index = typeof value === 'string' ? symbols.indexOf(value) : -1;
  return isGiven(index < 0 ? undefined : index, () => out.int(index));
}

function writeFixed({ size }: AvroFixed, value: unknown, out: AvroWriter): boolean {
  const bytes = readBytes(value, false);
  return isGiven(bytes?.length === size ? bytes : undefined, (given) => out.raw(given));
}

function isGiven<T>(value: T | undefined, write: (value: T) => void): boolean {
  if (value === undefined) return false;
  write(value);
  return true;
}

/** Reads a whole number. The largest of 64 bits may have been rounded up to 2^63 by whoever wrote the schema. */
function readWhole(value: unknown): number | bigint | undefined {
  const exact = value instanceof NumberText ? readLong(value) : undefined;
  if (exact !== undefined) return exact;
  const double = value instanceof NumberText ? Number(value.text) : value;
  if (typeof double !== 'number' || !Number.isInteger(double) || Math.abs(double) > 2 ** 63) return undefined;
  if (double === 2 ** 63) return 2n ** 63n - 1n;
  return Number.isSafeInteger(double) ? double : BigInt(double);
}
