import type { ConfluentRegistryConfig } from '../../../shared/plugin-schemas/schema-registry-fields.ts';
import type { EncoderOptions } from '../../schemas/encoder.ts';

/** How keys or values are encoded, by a configuration with its references resolved; null without a schema for them. */
export function encoderOptions(
  registry: ConfluentRegistryConfig | null | undefined,
  role: 'key' | 'value',
  topics: readonly string[],
): EncoderOptions | null {
  const schema = role === 'key' ? registry?.key_schema : registry?.value_schema;
  if (!registry || !schema) return null;
  const { basic, mode } = registry.authentication;
  const headers: Record<string, string> = {};
  if (registry.logical_cluster_id !== null) headers['target-sr-cluster'] = registry.logical_cluster_id;
  if (registry.identity_pool_id !== null) headers['Confluent-Identity-Pool-Id'] = registry.identity_pool_id;
  return {
    registry: {
      url: registry.url,
      ttlSeconds: registry.ttl,
      sslVerify: registry.ssl_verify,
      authentication: mode === 'basic' && basic !== null ? { mode: 'basic', ...basic } : { mode: 'none' },
      headers,
    },
    subjectName: schema.subject_name,
    schemaVersion: schema.schema_version,
    payloadEncoding: schema.payload_encoding,
    subjectNameStrategy: registry.subject_name_strategy,
    role,
    topics,
  };
}
