import { RequestError, type ErrorDetail } from '../../../shared/errors.ts';
import { cutText } from './fault-text.ts';

/** A schema as a registry gives it. */
export interface SchemaSource {
  readonly text: string;
  /** Texts of the schemas it refers to, in an order in which each comes after those it needs itself. */
  readonly references: readonly { readonly name: string; readonly text: string }[];
}

export type PayloadEncoding = 'auto' | 'avro_json' | 'simple_json';

/** The options of a plugin for the use of a schema. */
export interface FormatOptions {
  /** How the JSON writes Avro's unions and bytes. */
  readonly payloadEncoding: PayloadEncoding;
  /** The message of a Protobuf schema; null for the first of its file. */
  readonly messageName: string | null;
}

/** A schema compiled for use; made once a schema id and kept. */
export interface CompiledSchema {
  /** Strings (and null) are all that it takes: bare text such as a key's is then one, also where it looks like JSON. */
  readonly textIsString: boolean;
  /**
   * Validates JSON text against the schema and gives `prefix` followed by the encoded payload.
   * @throws RequestError BODY_INVALID when the text is not JSON, SCHEMA_VALIDATION_FAILED with every fault.
   */
  encode(jsonText: string, prefix: Buffer): Buffer;
  /** Values that come encoded already; undefined in a format whose payload is JSON. */
  readonly encoded?: EncodedValues;
}

/** The binary encoding of a format's values. */
export type BodyEncoding = 'protobuf' | 'avro';

export interface EncodedValues {
  readonly encoding: BodyEncoding;
  /** What the format puts before a payload: the place of a Protobuf message in its file. */
  readonly place: Buffer;
  /**
   * Checks an encoded value to its last byte, and gives `prefix` followed by what the format puts before a payload, and the
   * bytes as they came. @throws RequestError SCHEMA_VALIDATION_FAILED
   */
  frame(bytes: Buffer, prefix: Buffer): Buffer;
}

/** Encodes values by one kind of schema (Avro, JSON Schema, …). One file each; the list is in `formats.ts`. */
export interface Format {
  /** The registry's `schemaType`. */
  readonly type: string;
  /**
   * Compiles a schema without holding the thread for more than 20 ms: at once, in slices, or in a thread of its own.
   * @throws SchemaUnusableError when the schema cannot be used.
   */
  compile(source: SchemaSource, options: FormatOptions): CompiledSchema | Promise<CompiledSchema>;
}

/** A compilation is given up after this long. */
export const compileTimeoutMs = 10_000;

/** Bounds of a schema with all that it refers to; what is larger is refused as unusable. */
export const schemaBounds = {
  /** Characters of all texts. */
  text: 8 * 1024 * 1024,
  /** Fields of all records and messages, values of all enums. */
  fields: 100_000,
  /** Branches of one union. */
  branches: 1_000,
  /** Bytes that all default values of fields take when they are encoded. */
  defaultBytes: 4 * 1024 * 1024,
  /** Definitions within each other. */
  depth: 200,
} as const;

/** A schema that the registry has but that cannot be used. */
export class SchemaUnusableError extends Error {
  /** Whether the cause lies in the text, so that another attempt would end the same way. */
  readonly isLasting: boolean;

  constructor(message: string, cause?: unknown, isLasting = true) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'SchemaUnusableError';
    this.isLasting = isLasting;
  }
}

/** Faults of one value that an answer lists. */
export const faultsMax = 1_000;
/** Characters of all listed faults together. */
const faultsTextMax = 64 * 1024;

/** The faults of one value: the first of them, with cut texts, and how many there are. */
export class Faults {
  readonly #list: ErrorDetail[] = [];
  #textLength = 0;
  #total = 0;

  get list(): readonly ErrorDetail[] {
    return this.#list;
  }

  /** How many faults there are, listed or not. */
  get total(): number {
    return this.#total;
  }

  get isFull(): boolean {
    return this.#list.length >= faultsMax || this.#textLength >= faultsTextMax;
  }

  add(fault: Fault): void {
    this.#total++;
    if (this.isFull) return;
    const { pointer, rule, expected, message } = fault;
    const cut = { pointer: cutText(pointer), rule, expected: cutText(expected), message: cutText(message) };
    this.#textLength += cut.pointer.length + cut.rule.length + cut.expected.length + cut.message.length;
    this.#list.push(cut);
  }

  /** Counts faults that cannot be listed any more. */
  addUnlisted(count: number): void {
    this.#total += count;
  }

  addAll(other: Faults): void {
    for (const fault of other.#list) {
      if (this.isFull) break;
      this.#list.push(fault);
    }
    this.#total += other.#total;
  }

  /** Returns the error that refuses a value for these faults. */
  refusal(): RequestError {
    const { list: details, total: detailsTotal } = this;
    return new RequestError('SCHEMA_VALIDATION_FAILED', 'The data does not fit the schema.', { details, detailsTotal });
  }
}

/** A fault of a value; the pointer leads from the value's root. */
export type Fault = Required<Pick<ErrorDetail, 'pointer' | 'rule' | 'expected' | 'message'>>;

/** Appends a segment to a JSON Pointer (RFC 6901). */
export function pointerTo(parent: string, segment: string | number): string {
  return `${parent}/${typeof segment === 'number' ? segment : segment.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
