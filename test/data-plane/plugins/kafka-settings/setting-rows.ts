import { isRecord } from '../../../../shared/schema/is-record.ts';
import { publishField } from '../../../../shared/schema/publish.ts';
import type { Field } from '../../../../shared/schema/field.ts';

export type Values = Readonly<Record<string, unknown>>;

/** The values with one more, at a dotted path. */
export function withValue(base: Values, path: string, value: unknown): Values {
  const [name = '', ...rest] = path.split('.');
  if (rest.length === 0) return { ...base, [name]: value };
  const inner = base[name];
  return { ...base, [name]: withValue(isRecord(inner) ? inner : {}, rest.join('.'), value) };
}

export function valueAt(values: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, name) => {
    if (Array.isArray(value)) return value[Number(name)] as unknown;
    return isRecord(value) ? value[name] : undefined;
  }, values);
}

const scram: Values = {
  authentication: { strategy: 'sasl', mechanism: 'SCRAM-SHA-512', user: 'u', password: 'p', tokenauth: true },
};
const bearer: Values = {
  authentication: {
    strategy: 'sasl',
    mechanism: 'OAUTHBEARER',
    oauthbearer: { token_endpoint_url: 'http://t', client_id: 'c', client_secret: 's' },
  },
};
const gating: Values = { producer_async: true, producer_async_health_gating: true };
export const confluent = 'schema_registry.confluent';
export const registry: Values = {
  schema_registry: {
    confluent: { url: 'http://r', value_schema: { subject_name: 'v' }, key_schema: { subject_name: 'k' } },
  },
};
export const auth = `${confluent}.authentication`;
const basic = withValue(registry, auth, { mode: 'basic', basic: { username: 'u', password: 'p' } });
export const oauth2 = withValue(registry, auth, {
  mode: 'oauth2',
  oauth2: { token_endpoint: 'http://t', client_id: 'c', client_secret: 's' },
});
const password = withValue(
  withValue(withValue(oauth2, `${auth}.oauth2.grant_type`, 'password'), `${auth}.oauth2.username`, 'u'),
  `${auth}.oauth2.password`,
  'p',
);

export type Asked = 'producer' | 'key' | 'value';

const uuid = '8b44be3a-8a0b-4f4b-9d4a-0a4ad4f4a4f4';
const ssl: Values = { security: { ssl: true } };

export type SettingRow = [path: string, value: unknown, asked: Asked, place: string, base?: Values, found?: unknown];

/** Fields that end in what a producer or an encoder is asked for: a value, and where it is found there. */
export const settings: readonly SettingRow[] = [
  ['cluster_name', 'c', 'producer', 'label'],
  ['timeout', 7, 'producer', 'cluster.connectTimeoutMs'],
  ['authentication.mechanism', 'SCRAM-SHA-256', 'producer', 'cluster.sasl.mechanism', scram],
  ['authentication.tokenauth', false, 'producer', 'cluster.sasl.tokenauth', scram],
  ['authentication.user', 'x', 'producer', 'cluster.sasl.username', scram],
  ['authentication.password', 'x', 'producer', 'cluster.sasl.password', scram],
  ['authentication.oauthbearer.token_endpoint_url', 'http://x', 'producer', 'cluster.sasl.tokenEndpointUrl', bearer],
  ['authentication.oauthbearer.client_id', 'x', 'producer', 'cluster.sasl.clientId', bearer],
  ['authentication.oauthbearer.client_secret', 'x', 'producer', 'cluster.sasl.clientSecret', bearer],
  ['authentication.oauthbearer.scopes', ['x'], 'producer', 'cluster.sasl.scopes', bearer],
  ['authentication.oauthbearer.extensions', { x: 'y' }, 'producer', 'cluster.sasl.extensions', bearer],
  [
    'authentication.oauthbearer.token_endpoint_tls_verify',
    false,
    'producer',
    'cluster.sasl.tokenEndpointTlsVerify',
    bearer,
  ],
  ['security.ssl', true, 'producer', 'cluster.tls.verify', {}, true],
  ['security.ssl_verify', false, 'producer', 'cluster.tls.verify', ssl],
  ['security.certificate_id', uuid, 'producer', 'cluster.tls.certificate', ssl, `cert ${uuid}`],
  ['security.ca_certificate_id', uuid, 'producer', 'cluster.tls.ca', ssl, `ca ${uuid}`],
  ['producer_request_acks', 1, 'producer', 'cluster.acks'],
  ['producer_idempotent', true, 'producer', 'cluster.idempotent'],
  ['producer_request_timeout', 7, 'producer', 'cluster.requestTimeoutMs'],
  ['producer_request_limits_messages_per_request', 7, 'producer', 'limits.batchRecordsMax'],
  ['producer_request_limits_bytes_per_request', 7, 'producer', 'limits.batchBytesMax'],
  ['producer_request_retries_max_attempts', 7, 'producer', 'limits.attemptsMax'],
  ['producer_request_retries_backoff_timeout', 7, 'producer', 'limits.retryBackoffMs'],
  ['producer_async_flush_timeout', 7, 'producer', 'limits.lingerMs', { producer_async: true, producer_linger: 9 }],
  ['producer_async_buffering_limits_messages_in_memory', 7, 'producer', 'limits.queueRecordsMax'],
  ['producer_async_buffering_limits_bytes_in_memory', 7, 'producer', 'limits.queueBytesMax'],
  ['producer_linger', 7, 'producer', 'limits.lingerMs'],
  ['producer_async_health_gating', true, 'producer', 'health.failureThreshold', { producer_async: true }, 3],
  ['producer_async_health_failure_threshold', 7, 'producer', 'health.failureThreshold', gating],
  ['producer_async_health_probe_interval', 700, 'producer', 'health.probeIntervalMs', gating],
  ['producer_async_health_recovery_threshold', 7, 'producer', 'health.recoveryThreshold', gating],
  ['partitioner', 'crc32', 'producer', 'cluster.partitioner'],
  ['compression_type', 'lz4', 'producer', 'cluster.compression'],
  [`${confluent}.url`, 'http://x', 'value', 'registry.url', registry],
  [`${confluent}.ttl`, 7, 'value', 'registry.ttlSeconds', registry],
  [`${confluent}.ssl_verify`, false, 'value', 'registry.sslVerify', registry],
  [`${auth}.mode`, 'none', 'value', 'registry.authentication.mode', basic],
  [`${auth}.basic.username`, 'x', 'value', 'registry.authentication.username', basic],
  [`${auth}.basic.password`, 'x', 'value', 'registry.authentication.password', basic],
  [`${auth}.oauth2.token_endpoint`, 'http://x', 'value', 'registry.authentication.oauth.tokenEndpoint', oauth2],
  [`${auth}.oauth2.grant_type`, 'client_credentials', 'value', 'registry.authentication.oauth.grantType', password],
  [`${auth}.oauth2.client_id`, 'x', 'value', 'registry.authentication.oauth.clientId', oauth2],
  [`${auth}.oauth2.client_secret`, 'x', 'value', 'registry.authentication.oauth.clientSecret', oauth2],
  [`${auth}.oauth2.username`, 'x', 'value', 'registry.authentication.oauth.username', password],
  [`${auth}.oauth2.password`, 'x', 'value', 'registry.authentication.oauth.password', password],
  [`${auth}.oauth2.scopes`, ['x'], 'value', 'registry.authentication.oauth.scopes', oauth2],
  [`${auth}.oauth2.audience`, ['x'], 'value', 'registry.authentication.oauth.audience', oauth2],
  [`${auth}.oauth2.token_headers`, { x: 'y' }, 'value', 'registry.authentication.oauth.headers', oauth2],
  [`${auth}.oauth2.token_post_args`, { x: 'y' }, 'value', 'registry.authentication.oauth.postArgs', oauth2],
  [
    `${auth}.oauth2_client.auth_method`,
    'client_secret_basic',
    'value',
    'registry.authentication.oauth.clientAuth',
    oauth2,
  ],
  [
    `${auth}.oauth2_client.client_secret_jwt_alg`,
    'HS256',
    'value',
    'registry.authentication.oauth.jwtAlgorithm',
    oauth2,
  ],
  [`${auth}.oauth2_client.no_proxy`, 'x', 'value', 'registry.authentication.oauth.proxies.except', oauth2],
  ...(['http', 'https'] as const).flatMap((scheme): SettingRow[] => {
    const field = `${auth}.oauth2_client.${scheme}_proxy`;
    const place = `registry.authentication.oauth.proxies.${scheme}`;
    const withProxy = withValue(oauth2, field, 'http://p');
    return [
      [field, 'http://p', 'value', `${place}.url`, oauth2],
      [`${field}_authorization`, 'x', 'value', `${place}.authorization`, withProxy],
    ];
  }),
  [`${auth}.oauth2_client.timeout`, 7, 'value', 'registry.authentication.oauth.timeoutMs', oauth2],
  [`${auth}.oauth2_client.keep_alive`, false, 'value', 'registry.authentication.oauth.keepAlive', oauth2],
  [`${auth}.oauth2_client.ssl_verify`, false, 'value', 'registry.authentication.oauth.sslVerify', oauth2],
  [`${confluent}.authentication.logical_cluster_id`, 'x', 'value', 'registry.headers.target-sr-cluster', registry],
  [
    `${confluent}.authentication.identity_pool_id`,
    'x',
    'value',
    'registry.headers.Confluent-Identity-Pool-Id',
    registry,
  ],
  [`${confluent}.subject_name_strategy`, 'topic', 'key', 'subjectNameStrategy', registry],
  ...(['key', 'value'] as const).flatMap((role): SettingRow[] => [
    [`${confluent}.${role}_schema.subject_name`, 'x', role, 'subjectName', registry],
    [`${confluent}.${role}_schema.schema_version`, '7', role, 'schemaVersion', registry],
    [`${confluent}.${role}_schema.payload_encoding`, 'avro_json', role, 'payloadEncoding', registry],
    [`${confluent}.${role}_schema.message_name`, 'x', role, 'messageName', registry],
  ]),
];

/** Fields that are accepted and do nothing, as their descriptions say. */
export const withoutEffect: Readonly<Record<string, unknown>> = {
  keepalive: 7,
  keepalive_enabled: true,
  new_kafka_async_producer: true,
};

/** Fields that are published but not built: any value but the default is refused. */
export const refused: readonly [path: string, value: unknown, base?: Values][] = [
  [`${auth}.oauth2_client.http_version`, 2, oauth2],
];

/** Dotted paths of all fields of a published schema that hold no fields themselves. */
export function publishedPaths(schema: Field): string[] {
  return pathsIn(publishField(schema)['fields'], []);
}

function pathsIn(fields: unknown, path: readonly string[]): string[] {
  return (Array.isArray(fields) ? fields : []).flatMap((entry: unknown) =>
    Object.entries(isRecord(entry) ? entry : {}).flatMap(([name, field]) => {
      const inner = valueAt(field, 'fields') ?? valueAt(field, 'elements.fields');
      return inner === undefined ? [[...path, name].join('.')] : pathsIn(inner, [...path, name]);
    }),
  );
}
