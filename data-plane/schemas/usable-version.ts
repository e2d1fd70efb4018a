import type { Logger } from '../../shared/log.ts';
import { RequestError } from '../../shared/errors.ts';
import type { CompiledSchemas, SchemaCodec, SchemaUse } from './compiled-schemas.ts';
import type { UnusableSchema } from './encoder.ts';
import { SchemaUnusableError } from './formats/format.ts';
import type { RegisteredSchema, RegistryClient } from './registry-client.ts';
import { schemaError } from './schema-error.ts';

/** Older versions that are asked for when the newest cannot be used and none served before. */
const olderVersionsMax = 10;

/** A version of a subject that is in use. */
export interface ServedVersion extends SchemaCodec {
  readonly version: number;
  readonly id: number;
  /** AVRO, JSON, PROTOBUF. */
  readonly type: string;
}

/** Why a schema cannot be used, before it is known what serves in its place. */
type Refusal = Pick<UnusableSchema, 'version' | 'why' | 'reason'> & { readonly isLasting: boolean };

/** Finds the version of one subject that records are encoded by. */
export class UsableVersion {
  readonly #subject: string;
  readonly #use: SchemaUse;
  readonly #deps: UsableVersionDeps;
  #unusable: UnusableSchema | undefined;

  constructor(subject: string, use: SchemaUse, deps: UsableVersionDeps) {
    this.#subject = subject;
    this.#use = use;
    this.#deps = deps;
  }

  /** The schema that was asked for and cannot be used; undefined when it can. */
  get unusable(): UnusableSchema | undefined {
    return this.#unusable;
  }

  /**
   * Finds the version that is asked for. Where that is `latest` and does not compile, the one that served before serves
   * on, else the newest older one that compiles. No version stands in for one with rules that a producer must run: its
   * records would be written without them.
   * @throws RequestError
   */
  async find(serving: ServedVersion | undefined): Promise<ServedVersion> {
    const { client } = this.#deps;
    const newest = await client.fetch(this.#subject, this.#use.version);
    const found = await this.#try(newest);
    if (!('why' in found)) {
      this.#unusable = undefined;
      return found;
    }
    const mayStandIn = this.#use.version === 'latest' && found.why === 'compile';
    const other = mayStandIn ? (serving ?? (await this.#findOlder(newest.version))) : undefined;
    this.#note(found, other?.version ?? null);
    if (other !== undefined) return other;
    throw schemaError(
      'SCHEMA_UNUSABLE',
      found.reason,
      new SchemaUnusableError(found.reason, undefined, found.isLasting),
    );
  }

  async #try(schema: RegisteredSchema): Promise<ServedVersion | Refusal> {
    const { version, rules } = schema;
    if (rules.length > 0) {
      const reason = `a producer must run its rules ${rules.join(', ')}, and Sluice runs none`;
      return { version, why: 'rules', reason, isLasting: true };
    }
    try {
      return { version, id: schema.id, type: schema.type, ...(await this.#deps.compiled.get(schema, this.#use)) };
    } catch (error) {
      if (!(error instanceof SchemaUnusableError)) throw error;
      return { version, why: 'compile', reason: error.message, isLasting: error.isLasting };
    }
  }

  async #findOlder(newest: number): Promise<ServedVersion | undefined> {
    const { client } = this.#deps;
    const older = (await client.versions(this.#subject)).filter((version) => version < newest).sort((a, b) => b - a);
    for (const version of older.slice(0, olderVersionsMax)) {
      const schema = await client.fetch(this.#subject, String(version)).catch(undefinedIfNotFound);
      const found = schema === undefined ? undefined : await this.#try(schema);
      if (found === undefined || ('why' in found && found.why === 'compile')) continue;
      return 'why' in found ? undefined : found;
    }
    return undefined;
  }

  /** Keeps why the schema cannot be used, and logs it once. */
  #note({ version, why, reason }: Refusal, servingVersion: number | null): void {
    const { registry, logger } = this.#deps;
    const known = this.#unusable;
    if (known?.version === version && known.reason === reason && known.serving_version === servingVersion) return;
    const subject = this.#subject;
    this.#unusable = { registry, subject, version, why, reason, serving_version: servingVersion };
    const fields = { subject, version, why, error: reason, serving_version: servingVersion };
    logger.warn('schema_unusable', 'a schema cannot be used', fields);
  }
}

export interface UsableVersionDeps {
  readonly client: Pick<RegistryClient, 'fetch' | 'versions'>;
  readonly compiled: Pick<CompiledSchemas, 'get'>;
  /** Host and port. */
  readonly registry: string;
  readonly logger: Logger;
}

/** A version may be deleted after it was listed. */
function undefinedIfNotFound(error: unknown): undefined {
  if (!(error instanceof RequestError) || error.code !== 'SCHEMA_NOT_FOUND') throw error;
}
