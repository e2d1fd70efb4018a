import type { KafkaConfig } from '../../../shared/plugin-schemas/kafka-fields.ts';
import type { FieldFault } from '../../../shared/schema/field.ts';
import type { ProducerOptions, Sasl, Tls } from '../../kafka/producer-types.ts';
import type { Certificates, Found } from '../../plugin-api/certificates.ts';

/**
 * Returns the producer that a configuration, with its references resolved, asks for. Its TLS is from `tlsOf`; `label`
 * returns the cluster's name.
 */
export function producerOptions(
  config: KafkaConfig & { readonly topic: string },
  tls: Tls | null,
  label: () => string = () => ownClusterName(config),
): ProducerOptions {
  return {
    cluster: {
      bootstrapServers: config.bootstrap_servers,
      connectTimeoutMs: config.timeout,
      requestTimeoutMs: config.producer_request_timeout,
      acks: config.producer_request_acks,
      compression: config.compression_type,
      idempotent: config.producer_idempotent,
      partitioner: config.partitioner,
      sasl: saslOf(config.authentication),
      tls,
    },
    limits: {
      batchRecordsMax: config.producer_request_limits_messages_per_request,
      batchBytesMax: config.producer_request_limits_bytes_per_request,
      // Without a linger a record is sent as soon as its lane is free, long before the flush timeout.
      lingerMs: config.producer_async
        ? Math.min(config.producer_linger, config.producer_async_flush_timeout)
        : config.producer_linger,
      queueRecordsMax: config.producer_async_buffering_limits_messages_in_memory,
      queueBytesMax: config.producer_async_buffering_limits_bytes_in_memory,
      attemptsMax: config.producer_request_retries_max_attempts,
      retryBackoffMs: config.producer_request_retries_backoff_timeout,
    },
    health:
      config.producer_async && config.producer_async_health_gating
        ? {
            failureThreshold: config.producer_async_health_failure_threshold,
            probeIntervalMs: config.producer_async_health_probe_interval,
            recoveryThreshold: config.producer_async_health_recovery_threshold,
          }
        : null,
    label,
    topics: [config.topic],
  };
}

/** Returns the name that a configuration gives to its cluster by itself. */
export function ownClusterName({ cluster_name: name, bootstrap_servers: servers }: KafkaConfig): string {
  return name ?? servers.map(({ host, port }) => `${host}:${port}`).join(',');
}

/** TLS to the brokers with the certificates that it names; faults are below `config`. */
export function tlsOf(
  security: KafkaConfig['security'],
  certificates: Certificates,
): { readonly tls: Tls | null; readonly faults: readonly FieldFault[] } {
  if (!security.ssl) return { tls: null, faults: [] };
  const faults: FieldFault[] = [];
  const take = <T>(field: 'certificate_id' | 'ca_certificate_id', find: (id: string) => Found<T>): T | null => {
    const id = security[field];
    if (id === null) return null;
    const found = find(id);
    if (found.kind === 'found') return found.value;
    faults.push({ path: ['security', field], message: found.message });
    return null;
  };
  const pair = take('certificate_id', (id) => certificates.pair(id));
  const ca = take('ca_certificate_id', (id) => certificates.authority(id));
  return {
    tls: { verify: security.ssl_verify, ca, certificate: pair?.cert ?? null, key: pair?.key ?? null },
    faults,
  };
}

function saslOf(authentication: KafkaConfig['authentication']): Sasl | null {
  const { mechanism, oauthbearer } = authentication;
  // The configuration's checks say that what a mechanism needs is there.
  const username = authentication.user ?? '';
  const password = authentication.password ?? '';
  if (mechanism === null) return null;
  if (mechanism === 'PLAIN') return { mechanism, username, password };
  if (mechanism !== 'OAUTHBEARER') {
    return { mechanism, username, password, tokenauth: authentication.tokenauth === true };
  }
  if (oauthbearer === null) return null;
  return {
    mechanism,
    tokenEndpointUrl: oauthbearer.token_endpoint_url,
    tokenEndpointTlsVerify: oauthbearer.token_endpoint_tls_verify,
    clientId: oauthbearer.client_id,
    clientSecret: oauthbearer.client_secret,
    scopes: oauthbearer.scopes,
    extensions: oauthbearer.extensions,
  };
}
