import type { Registry } from 'prom-client';
import { CountedLeases, type Lease } from '../../shared/counted-leases.ts';
import type { Logger } from '../../shared/log.ts';
import { canonicalJson } from '../../shared/snapshot.ts';
import type { EncoderLease, EncoderOptions, Encoders, KnownEncoders, RegistrySettings } from './encoder.ts';
import { OpenRegistry } from './open-registry.ts';
import { registerRegistryMetrics } from './registry-metrics.ts';
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
      return encoderOver(schemaOf, release);
    },
    acquireKnown(options) {
      const known = [...registries.values()].find(({ url }) => url === options.registry.url);
      return known && encoderOver(schemaFinder(known, options), () => undefined);
    },
    destinations: () => [...registries.values()].map(({ destination }) => destination),
    unusable,
    close() {
      for (const registry of registries.clear()) registry.close();
      return Promise.resolve();
    },
  };
}

function encoderOver(schemaOf: SchemaOf, release: () => void): EncoderLease {
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
      if (served !== undefined) return served.frame(bytes, encoding);
      return schema.load(deadlineMs).then((loaded) => loaded.frame(bytes, encoding));
    },
    typeOf: (topic) => schemaOf(topic).served?.type,
    release,
  };
}

/** Returns how a topic's schema is found: by the topic's name, or the one that is named. */
function schemaFinder(registry: OpenRegistry, options: EncoderOptions): SchemaOf {
  const { schemaVersion: version, payloadEncoding, messageName, role } = options;
  const find = (subject: string): SubjectSchema<ServedVersion> =>
    registry.subject(subject, { version, payloadEncoding, messageName, role });
  if (options.subjectNameStrategy === 'topic') return (topic) => find(`${topic}-${role}`);
  const schema = find(options.subjectName ?? '');
  return () => schema;
}
