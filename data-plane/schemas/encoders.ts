import type { Registry } from 'prom-client';
import { CountedLeases, type Lease } from '../../shared/counted-leases.ts';
import type { Logger } from '../../shared/log.ts';
import { canonicalJson } from '../../shared/snapshot.ts';
import { withinTime } from '../../shared/within-time.ts';
import type { SchemaUse } from './compiled-schemas.ts';
import type { EncoderLease, EncoderOptions, Encoders, KnownEncoders, RegistrySettings } from './encoder.ts';
import { OpenRegistry } from './open-registry.ts';
import { frameId } from './received-frame.ts';
import { registerRegistryMetrics } from './registry-metrics.ts';
import { schemaError } from './schema-error.ts';
import type { CacheCounts, SubjectSchema } from './subject-schema.ts';
import type { ServedVersion } from './usable-version.ts';

export interface EncodersDeps {
  readonly logger: Logger;
  readonly metrics: Registry;
  /** Bound of one request to a registry (ms). */
  readonly registryTimeoutMs?: number;
}

type SchemaOf = (topic: string) => SubjectSchema<ServedVersion>;

/** Opens every registry in use, with its caches. Equal settings share one, until the last lease of it is released. */
export function createEncoders({
  logger,
  metrics: register,
  registryTimeoutMs,
}: EncodersDeps): Encoders & KnownEncoders {
  const counts: CacheCounts = { hits: 0, misses: 0, stale: 0 };
  const registries = new CountedLeases<string, OpenRegistry>((registry) => registry.close());
  const unusable = () => [...registries.values()].flatMap((registry) => registry.unusable());
  const metrics = registerRegistryMetrics({
    metrics: register,
    counts,
    states: () => [...registries.values()].map(({ state }) => state),
    unusable,
  });

  function lease(settings: RegistrySettings): Lease<OpenRegistry> {
    const key = canonicalJson(settings);
    const hold = (): Lease<OpenRegistry> => registries.acquire(key, create);
    const create = (): OpenRegistry =>
      new OpenRegistry(settings, { logger, counts, metrics, timeoutMs: registryTimeoutMs, hold });
    return hold();
  }

  return {
    acquire(options) {
      const { value: registry, release } = lease(options.registry);
      const schemaOf = schemaFinder(registry, options);
      // Fetched before the first request asks; a failure is logged and told to that request.
      const topics = options.subjectNameStrategy === 'topic' ? (options.topics ?? []) : [''];
      for (const topic of topics) schemaOf(topic).prefetch();
      return encoderOver(registry, options, release);
    },
    acquireKnown(options) {
      const known = [...registries.values()].find(({ url }) => url === options.registry.url);
      return known && encoderOver(known, options, () => undefined);
    },
    destinations: () => [...registries.values()].map(({ destination }) => destination),
    unusable,
    close() {
      for (const registry of registries.clear()) registry.close();
      return Promise.resolve();
    },
  };
}

function encoderOver(registry: OpenRegistry, options: EncoderOptions, release: () => void): EncoderLease {
  const schemaOf = schemaFinder(registry, options);
  return {
    encode(topic, jsonText, deadlineMs, isJson) {
      const schema = schemaOf(topic);
      const served = schema.current();
      if (served !== undefined) return served.encode(jsonText, isJson);
      return schema.load(deadlineMs).then((loaded) => loaded.encode(jsonText, isJson));
    },
    frame(topic, bytes, encoding, deadlineMs) {
      const schema = schemaOf(topic);
      const served = schema.current();
      const checked = (loaded: ServedVersion): Buffer | Promise<Buffer> => {
        if (encoding !== 'framed') return loaded.frame(bytes, encoding);
        const id = frameId(bytes);
        if (id === loaded.id) return loaded.checkFramed(bytes);
        const finding = registry.framed(subjectOf(options, topic), id, useOf(options));
        return withinTime(finding, deadlineMs - performance.now(), tooLate).then((codec) => codec.checkFramed(bytes));
      };
      return served === undefined ? schema.load(deadlineMs).then(checked) : checked(served);
    },
    typeOf: (topic) => schemaOf(topic).served?.type,
    release,
  };
}

function tooLate(): never {
  throw schemaError('SCHEMA_REGISTRY_UNAVAILABLE', 'the registry did not answer in time');
}

/** Returns how a topic's schema is found: by the topic's name, or the one that is named. */
function schemaFinder(registry: OpenRegistry, options: EncoderOptions): SchemaOf {
  const use = useOf(options);
  if (options.subjectNameStrategy === 'topic') return (topic) => registry.subject(subjectOf(options, topic), use);
  const schema = registry.subject(subjectOf(options, ''), use);
  return () => schema;
}

function subjectOf({ subjectNameStrategy, subjectName, role }: EncoderOptions, topic: string): string {
  return subjectNameStrategy === 'topic' ? `${topic}-${role}` : (subjectName ?? '');
}

function useOf({ schemaVersion: version, payloadEncoding, messageName, role }: EncoderOptions): SchemaUse {
  return { version, payloadEncoding, messageName, role };
}
