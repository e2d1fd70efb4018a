import { isUtf8 } from 'node:buffer';
import { LRUCache } from 'lru-cache';
import type { RequestError } from '../../shared/errors.ts';
import { encodeKey } from './key-text.ts';
import {
  type BodyEncoding,
  type CompiledSchema,
  Faults,
  type FormatOptions,
  SchemaUnusableError,
} from './formats/format.ts';
import { formats } from './formats/formats.ts';
import type { RegisteredSchema, RegistryClient } from './registry-client.ts';
import { frameBytes, wirePrefix } from './wire-format.ts';

/** Schemas that one registry keeps compiled, and refusals that it remembers. */
const compiledMax = 10_000;

/** Encodes a value and puts the frame before it. `isJson`: a key is JSON, not text of its own. */
export type Encode = (jsonText: string, isJson?: boolean) => Buffer;

/** Checks a value that is encoded already and puts the frame before it. */
export type Frame = (bytes: Buffer, encoding: BodyEncoding) => Buffer;

/** One schema in use. */
export interface SchemaCodec {
  readonly encode: Encode;
  readonly frame: Frame;
  /** Checks a value that comes in Confluent's frame, whose id was looked at, and returns it as it came. */
  readonly checkFramed: (bytes: Buffer) => Buffer;
}

/** How a subject's schema is used. */
export interface SchemaUse extends FormatOptions {
  /** A version number as text, or `latest`. */
  readonly version: string;
  readonly role: 'key' | 'value';
}

/** Returns what tells two uses of one schema apart. */
export function useKey({ payloadEncoding, messageName, role }: SchemaUse): string {
  return `${payloadEncoding}\0${messageName ?? ''}\0${role}`;
}

/** Compiles the schemas of one registry, each id once for each use. */
export class CompiledSchemas {
  readonly #client: Pick<RegistryClient, 'resolve'>;
  /** By id and use; a schema's refusal stays when the cause lies in its text. */
  readonly #known = new LRUCache<string, Promise<SchemaCodec>>({ max: compiledMax });

  constructor(client: Pick<RegistryClient, 'resolve'>) {
    this.#client = client;
  }

  /** @throws SchemaUnusableError, or RequestError when the registry cannot be asked for what the schema refers to. */
  get(schema: RegisteredSchema, use: SchemaUse): Promise<SchemaCodec> {
    const key = `${schema.id}\0${useKey(use)}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const compiling = this.#compile(schema, use);
    this.#known.set(key, compiling);
    compiling.catch((error: unknown) => {
      if (!(error instanceof SchemaUnusableError && error.isLasting)) this.#known.delete(key);
    });
    return compiling;
  }

  async #compile(schema: RegisteredSchema, use: SchemaUse): Promise<SchemaCodec> {
    const compiled = await this.#compileFormat(schema, use);
    const prefix = wirePrefix(schema.id);
    const encode: Encode =
      use.role === 'key'
        ? (text, isJson) => encodeKey(compiled, text, prefix, isJson)
        : (jsonText) => compiled.encode(jsonText, prefix);
    return {
      encode,
      frame: (bytes, encoding) => frame(compiled, bytes, encoding, prefix),
      checkFramed: (bytes) => checkFramed(compiled, bytes),
    };
  }

  async #compileFormat(schema: RegisteredSchema, use: SchemaUse): Promise<CompiledSchema> {
    const format = formats.get(schema.type);
    if (format === undefined) throw new SchemaUnusableError(`schemas of type ${schema.type} are not known`);
    const source = await this.#client.resolve(schema);
    try {
      return await format.compile(source, use);
    } catch (error) {
      if (error instanceof SchemaUnusableError) throw error;
      // A library that gives up in a way of its own, such as a stack that overflows.
      throw new SchemaUnusableError(`it cannot be compiled: ${error instanceof Error ? error.message : ''}`, error);
    }
  }
}

function frame({ encoded }: CompiledSchema, bytes: Buffer, encoding: BodyEncoding, prefix: Buffer): Buffer {
  if (encoded?.encoding === encoding) return encoded.frame(bytes, prefix);
  const expected = encoded === undefined ? 'JSON' : `a value in ${encoded.encoding}`;
  throw refusal('encoding', expected, `must be ${expected}: the schema is of another kind`);
}

const noPrefix = Buffer.alloc(0);
/** The list of indexes that means the first message: short, and written out. */
const firstMessage = [Buffer.from([0]), Buffer.from([2, 0])];

function checkFramed(compiled: CompiledSchema, bytes: Buffer): Buffer {
  const payload = bytes.subarray(frameBytes);
  const { encoded } = compiled;
  if (encoded === undefined) {
    compiled.encode(jsonOf(payload), noPrefix);
    return bytes;
  }
  const isFirst = encoded.place.length === 1 && encoded.place[0] === 0;
  const places = encoded.encoding === 'protobuf' && isFirst ? firstMessage : [encoded.place];
  const place = places.find((each) => each.equals(payload.subarray(0, each.length)));
  if (place === undefined) throw refusal('message', 'the message of the schema', 'is another message of the schema');
  encoded.frame(payload.subarray(place.length), noPrefix);
  return bytes;
}

function jsonOf(payload: Buffer): string {
  if (isUtf8(payload)) return payload.toString('utf8');
  throw refusal('encoding', 'JSON', 'must be JSON in UTF-8');
}

function refusal(rule: string, expected: string, message: string): RequestError {
  const faults = new Faults();
  faults.add({ pointer: '', rule, expected, message });
  return faults.refusal();
}
