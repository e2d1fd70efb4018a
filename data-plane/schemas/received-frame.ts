import { LRUCache } from 'lru-cache';
import type { RequestError } from '../../shared/errors.ts';
import { useKey, type CompiledSchemas, type SchemaCodec, type SchemaUse } from './compiled-schemas.ts';
import { Faults, SchemaUnusableError } from './formats/format.ts';
import type { RegistryClient } from './registry-client.ts';
import { schemaError } from './schema-error.ts';
import { frameBytes } from './wire-format.ts';

/** Ids of a registry's subjects that are remembered. */
const idsMax = 10_000;
/** Time for which an id that is none of its subject's is not asked for again. */
const strangerKeptMs = 5_000;

/** Returns the schema id of a value in Confluent's frame. @throws RequestError SCHEMA_VALIDATION_FAILED */
export function frameId(bytes: Buffer): number {
  if (bytes.length >= frameBytes && bytes[0] === 0) return bytes.readUInt32BE(1);
  throw misfit('frame', 'a zero byte and a schema id', 'must begin with a zero byte and a schema id of four bytes');
}

/** Finds the schemas of values that come in Confluent's frame and bear another id than the one in use. */
export class FramedSchemas {
  readonly #client: Pick<RegistryClient, 'fetch' | 'versionOf'>;
  readonly #compiled: Pick<CompiledSchemas, 'get'>;
  /** By subject, id and use; an id never means another schema. */
  readonly #known = new LRUCache<string, Promise<SchemaCodec>>({ max: idsMax });
  /** When an id that is none of its subject's may be asked for again (monotonic), by subject and id. */
  readonly #strangers = new LRUCache<string, number>({ max: idsMax });

  constructor(client: Pick<RegistryClient, 'fetch' | 'versionOf'>, compiled: Pick<CompiledSchemas, 'get'>) {
    this.#client = client;
    this.#compiled = compiled;
  }

  /** @throws (rejects) RequestError SCHEMA_VALIDATION_FAILED when the id is none of the subject's; else as the registry */
  find(subject: string, id: number, use: SchemaUse): Promise<SchemaCodec> {
    const key = `${subject}\0${id}\0${useKey(use)}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const finding = this.#find(subject, id, use);
    this.#known.set(key, finding);
    finding.catch(() => this.#known.delete(key));
    return finding;
  }

  async #find(subject: string, id: number, use: SchemaUse): Promise<SchemaCodec> {
    const key = `${subject}\0${id}`;
    if (performance.now() < (this.#strangers.get(key) ?? 0)) throw notOfSubject(id);
    const version = await this.#client.versionOf(subject, id);
    if (version === undefined) {
      this.#strangers.set(key, performance.now() + strangerKeptMs);
      throw notOfSubject(id);
    }
    try {
      return await this.#compiled.get(await this.#client.fetch(subject, String(version)), use);
    } catch (error) {
      if (!(error instanceof SchemaUnusableError)) throw error;
      throw schemaError('SCHEMA_UNUSABLE', error.message, error);
    }
  }
}

function notOfSubject(id: number): RequestError {
  return misfit('schema_id', "an id of the subject's", `bears the schema id ${id}, which is none of the subject's`);
}

/** Returns the refusal of a value as a whole. */
function misfit(rule: string, expected: string, message: string): RequestError {
  const faults = new Faults();
  faults.add({ pointer: '', rule, expected, message });
  return faults.refusal();
}
