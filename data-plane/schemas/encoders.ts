import { LRUCache } from 'lru-cache';
import { Counter, Histogram, type Registry } from 'prom-client';
import { RequestError } from '../../shared/errors.ts';
import { CountedLeases, type Lease } from '../../shared/counted-leases.ts';
import type { Logger } from '../../shared/log.ts';
import { canonicalJson } from '../../shared/snapshot.ts';
import type { EncoderOptions, Encoders, RegistrySettings } from './encoder.ts';
import { SchemaUnusableError, type CompiledSchema, type FormatOptions } from './formats/format.ts';
import { formats } from './formats/formats.ts';
import { createRegistryClient, type RegisteredSchema, type RegistryClient } from './registry-client.ts';
import { createSubjectSchema, type CacheCounts, type SubjectSchema } from './subject-schema.ts';
import { encodeKey } from './key-text.ts';
import { wirePrefix } from './wire-format.ts';

/** Subjects kept a registry; with the strategy `topic` there is one a topic. */
const subjectsMax = 10_000;
const compiledMax = 10_000;

/** Encodes a value and puts the frame before it. */
type Encode = (jsonText: string) => Buffer;

/** How a subject's schema is used. */
interface Use extends FormatOptions {
  readonly version: string;
  readonly role: 'key' | 'value';
}

export interface EncodersDeps {
  readonly logger: Logger;
  readonly metrics: Registry;
  /** Bound of one request to a registry (ms). */
  readonly registryTimeoutMs?: number;
}

/** Every registry in use, with its caches. Equal settings share one, until the last lease of it is released. */
export function createEncoders(deps: EncodersDeps): Encoders {
  const counts: CacheCounts = { hits: 0, misses: 0, stale: 0 };
  const latency = registerMetrics(deps.metrics, counts);
  const registries = new CountedLeases<string, OpenRegistry>((registry) => registry.close());

  function lease(settings: RegistrySettings): Lease<OpenRegistry> {
    const key = canonicalJson(settings);
    const hold = (): Lease<OpenRegistry> => registries.acquire(key, create);
    const create = (): OpenRegistry => new OpenRegistry(settings, { ...deps, counts, latency, hold });
    return hold();
  }

  return {
    acquire(options) {
      const { schemaVersion, payloadEncoding, messageName, role } = options;
      const { value: registry, release } = lease(options.registry);
      const find = (subject: string): SubjectSchema<Encode> =>
        registry.subject(subject, { version: schemaVersion, payloadEncoding, messageName, role });
      const schemaOf = options.subjectNameStrategy === 'topic' ? byTopic(find, role) : fixedSubject(find, options);
      // Fetched before the first request asks; a failure is logged and told to that request.
      const topics = options.subjectNameStrategy === 'topic' ? (options.topics ?? []) : [''];
      for (const topic of topics) schemaOf(topic).prefetch();
      return {
        encode(topic, jsonText, deadlineMs) {
          const schema = schemaOf(topic);
          const encode = schema.current();
          if (encode !== undefined) return encode(jsonText);
          return schema.load(deadlineMs).then((loaded) => loaded(jsonText));
        },
        release,
      };
    },
    close() {
      for (const registry of registries.clear()) registry.close();
      return Promise.resolve();
    },
  };
}

function byTopic(
  find: (subject: string) => SubjectSchema<Encode>,
  role: string,
): (topic: string) => SubjectSchema<Encode> {
  return (topic) => find(`${topic}-${role}`);
}

function fixedSubject(
  find: (subject: string) => SubjectSchema<Encode>,
  { subjectName }: EncoderOptions,
): () => SubjectSchema<Encode> {
  const schema = find(subjectName ?? '');
  return () => schema;
}

interface OpenRegistryDeps extends EncodersDeps {
  readonly counts: CacheCounts;
  readonly latency: Histogram;
  /** Keeps the registry open while a schema is fetched. */
  readonly hold: () => Lease<unknown>;
}

/** One registry: its client, what is known of its subjects, and what it compiled. */
class OpenRegistry {
  readonly #settings: RegistrySettings;
  readonly #deps: OpenRegistryDeps;
  readonly #client: RegistryClient;
  readonly #logger: Logger;
  readonly #subjects = new LRUCache<string, SubjectSchema<Encode>>({ max: subjectsMax });
  readonly #compiled = new LRUCache<string, Encode>({ max: compiledMax });

  constructor(settings: RegistrySettings, deps: OpenRegistryDeps) {
    const { latency, registryTimeoutMs: timeoutMs } = deps;
    this.#settings = settings;
    this.#deps = deps;
    this.#client = createRegistryClient({ settings, latency, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
    this.#logger = deps.logger.child({ registry: new URL(settings.url).host });
  }

  subject(subject: string, use: Use): SubjectSchema<Encode> {
    const { version } = use;
    const key = `${subject}\0${version}\0${optionsKey(use)}`;
    const known = this.#subjects.get(key);
    if (known !== undefined) return known;
    const created = createSubjectSchema<Encode>({
      label: subject,
      ttlMs: version === 'latest' ? this.#settings.ttlSeconds * 1000 : Number.POSITIVE_INFINITY,
      fetch: () => this.#fetch(subject, use),
      counts: this.#deps.counts,
      logger: this.#logger,
    });
    this.#subjects.set(key, created);
    return created;
  }

  close(): void {
    this.#client.close();
  }

  async #fetch(subject: string, use: Use): Promise<Encode> {
    // Closing under a fetch would be logged as a failure of the registry.
    const lease = this.#deps.hold();
    try {
      return await this.#compile(await this.#client.fetch(subject, use.version), subject, use);
    } finally {
      lease.release();
    }
  }

  async #compile(schema: RegisteredSchema, subject: string, use: Use): Promise<Encode> {
    const key = `${schema.id}\0${optionsKey(use)}`;
    const known = this.#compiled.get(key);
    if (known !== undefined) return known;
    const schemaEncoder = await compileSchema(schema, subject, use);
    const prefix = wirePrefix(schema.id);
    const encode: Encode =
      use.role === 'key'
        ? (text) => encodeKey(schemaEncoder, text, prefix)
        : (jsonText) => schemaEncoder.encode(jsonText, prefix);
    this.#compiled.set(key, encode);
    return encode;
  }
}

function optionsKey({ payloadEncoding, messageName, role }: Use): string {
  return `${payloadEncoding}\0${messageName ?? ''}\0${role}`;
}

async function compileSchema(
  schema: RegisteredSchema,
  subject: string,
  options: FormatOptions,
): Promise<CompiledSchema> {
  const format = formats.get(schema.type);
  if (format === undefined) {
    const reason = `Schemas of type ${schema.type} are not known (subject '${subject}').`;
    throw new RequestError('SCHEMA_NOT_FOUND', reason);
  }
  try {
    return await format.compile(schema.source, options);
  } catch (error) {
    if (!(error instanceof SchemaUnusableError)) throw error;
    const reason = `The schema of subject '${subject}' cannot be used: ${error.message}.`;
    throw new RequestError('SCHEMA_NOT_FOUND', reason, { cause: error });
  }
}

/** Gives the histogram of registry requests; the counters are read off `counts` when they are scraped. */
function registerMetrics(metrics: Registry, counts: CacheCounts): Histogram {
  const registers = [metrics];
  const counter = (name: string, help: string, read: () => number): Counter =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  counter('sluice_schema_cache_hits_total', 'Encodings with a cached schema.', () => counts.hits);
  counter('sluice_schema_cache_misses_total', 'Encodings that waited for the registry.', () => counts.misses);
  counter(
    'sluice_schema_cache_stale_total',
    'Encodings with an expired latest schema, because the registry could not be asked.',
    () => counts.stale,
  );
  return new Histogram({
    name: 'sluice_schema_registry_request_duration_seconds',
    help: 'Time of requests to schema registries.',
    registers,
    buckets: [0.005, 0.02, 0.1, 0.5, 1, 3],
  });
}
