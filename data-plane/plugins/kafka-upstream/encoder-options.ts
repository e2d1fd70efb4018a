import type { ConfluentRegistryConfig } from '../../../shared/plugin-schemas/schema-registry-fields.ts';
import type { EncoderOptions } from '../../schemas/encoder.ts';

/** How values are encoded, by a configuration with its references resolved; null without a value schema. */
export function valueEncoderOptions(
  registry: ConfluentRegistryConfig | null | undefined,
  topics: readonly string[],
): EncoderOptions | null {
  if (!registry?.value_schema) return null;
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
    subjectName: registry.value_schema.subject_name,
    schemaVersion: registry.value_schema.schema_version,
    payloadEncoding: registry.value_schema.payload_encoding,
    subjectNameStrategy: registry.subject_name_strategy,
    role: 'value',
    topics,
  };
}
