import { LRUCache } from 'lru-cache';
import type { Destination } from '../../shared/destination.ts';
import type { Lease } from '../../shared/counted-leases.ts';
import type { RequestError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { CompiledSchemas, useKey, type SchemaCodec, type SchemaUse } from './compiled-schemas.ts';
import type { RegistrySettings, UnusableSchema } from './encoder.ts';
import { SchemaUnusableError } from './formats/format.ts';
import { createRegistryClient, type RegistryClient } from './registry-client.ts';
import { FramedSchemas } from './received-frame.ts';
import type { RegistryMetrics } from './registry-metrics.ts';
import { RegistryState } from './registry-state.ts';
import { createSubjectSchema, failureKeptMs, type CacheCounts, type SubjectSchema } from './subject-schema.ts';
import { UsableVersion, type ServedVersion } from './usable-version.ts';

/** Subjects kept a registry; with the strategy `topic` there is one a topic. */
const subjectsMax = 10_000;
/** How often a registry that does not answer is tried while no request asks it. */
const probeMs = 10_000;

export interface OpenRegistryDeps {
  readonly logger: Logger;
  readonly counts: CacheCounts;
  readonly metrics: RegistryMetrics;
  /** Bound of one request to the registry (ms). */
  readonly timeoutMs?: number | undefined;
  /** Keeps the registry open while a schema is fetched. */
  readonly hold: () => Lease<unknown>;
}

interface Subject {
  readonly schema: SubjectSchema<ServedVersion>;
  readonly usable: UsableVersion;
}

/** One registry: its client, what is known of its subjects, and what it compiled. */
export class OpenRegistry {
  readonly state: RegistryState;
  readonly #settings: RegistrySettings;
  readonly #deps: OpenRegistryDeps;
  readonly #client: RegistryClient;
  readonly #compiled: CompiledSchemas;
  readonly #framed: FramedSchemas;
  readonly #logger: Logger;
  readonly #subjects = new LRUCache<string, Subject>({ max: subjectsMax });
  readonly #probe: NodeJS.Timeout;

  constructor(settings: RegistrySettings, deps: OpenRegistryDeps) {
    const { metrics, timeoutMs } = deps;
    this.state = new RegistryState(settings.url);
    this.#settings = settings;
    this.#deps = deps;
    this.#client = createRegistryClient({ settings, metrics, state: this.state, timeoutMs });
    this.#compiled = new CompiledSchemas(this.#client);
    this.#framed = new FramedSchemas(this.#client, this.#compiled);
    this.#logger = deps.logger.child({ registry: this.state.name });
    this.#probe = setInterval(() => this.#tryAgain(), probeMs).unref();
  }

  get url(): string {
    return this.#settings.url;
  }

  get destination(): Destination {
    return this.state.destination;
  }

  unusable(): UnusableSchema[] {
    return [...this.#subjects.values()].flatMap(({ usable }) => usable.unusable ?? []);
  }

  subject(subject: string, use: SchemaUse): SubjectSchema<ServedVersion> {
    const key = `${subject}\0${use.version}\0${useKey(use)}`;
    const known = this.#subjects.get(key);
    if (known !== undefined) return known.schema;
    const created = this.#create(subject, use);
    this.#subjects.set(key, created);
    return created.schema;
  }

  /** Finds the schema of a value that bears another id than the one in use. @throws (rejects) RequestError */
  framed(subject: string, id: number, use: SchemaUse): Promise<SchemaCodec> {
    return this.#whileOpen(() => this.#framed.find(subject, id, use));
  }

  close(): void {
    clearInterval(this.#probe);
    this.#client.close();
  }

  #create(subject: string, use: SchemaUse): Subject {
    const registry = this.state.name;
    const deps = { client: this.#client, compiled: this.#compiled, registry, logger: this.#logger };
    const usable = new UsableVersion(subject, use, deps);
    const schema = createSubjectSchema<ServedVersion>({
      label: subject,
      ttlMs: use.version === 'latest' ? this.#settings.ttlSeconds * 1000 : Number.POSITIVE_INFINITY,
      keptMs: (error) => this.#keptMs(error, use),
      fetch: (serving) => this.#whileOpen(() => usable.find(serving)),
      counts: this.#deps.counts,
      logger: this.#logger,
    });
    return { schema, usable };
  }

  /** Closing under a fetch would be logged as a failure of the registry. */
  async #whileOpen<T>(work: () => Promise<T>): Promise<T> {
    const lease = this.#deps.hold();
    try {
      return await work();
    } finally {
      lease.release();
    }
  }

  /** A version whose text cannot be used stays so; `latest`, or what it refers to, may change. */
  #keptMs({ code, cause }: RequestError, { version }: SchemaUse): number {
    if (code !== 'SCHEMA_UNUSABLE') return failureKeptMs;
    const why: unknown = cause instanceof Error ? cause.cause : undefined;
    const isLasting = why instanceof SchemaUnusableError && why.isLasting;
    if (isLasting && version !== 'latest') return Number.POSITIVE_INFINITY;
    return Math.max(failureKeptMs, this.#settings.ttlSeconds * 1000);
  }

  #tryAgain(): void {
    if (this.state.state !== 'unreachable') return;
    // The one used last: any answer tells that the registry is back.
    for (const { schema } of this.#subjects.values()) return schema.prefetch();
  }
}
