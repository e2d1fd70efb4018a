import { expect } from 'chai';
import { buildConfig, faultsOf } from '../../data-plane/plugins/kafka-upstream/build-config.ts';

type Values = Readonly<Record<string, unknown>>;

const registry = (confluent: Values): Values => ({
  schema_registry: { confluent: { url: 'http://r:8081', value_schema: { subject_name: 's' }, ...confluent } },
});

const oauth2Client = 'schema_registry.confluent.authentication.oauth2_client.';
const oauth2 = (fields: Values, oauth2_client: Values | null = null): Values =>
  registry({ authentication: { mode: 'oauth2', oauth2: { token_endpoint: 'http://t', ...fields }, oauth2_client } });
const missingOauth2 = (name: string): string =>
  `schema_registry.confluent.authentication.oauth2.${name}: required field missing`;

describe('configuration of kafka-upstream', () => {
  it('has the published defaults', () => {
    const { bootstrap_servers: _servers, topic: _topic, ...defaults } = buildConfig();
    expect(defaults).to.deep.equal({
      cluster_name: null,
      timeout: 10_000,
      keepalive: 60_000,
      keepalive_enabled: false,
      authentication: {
        strategy: null,
        mechanism: null,
        tokenauth: null,
        user: null,
        password: null,
        oauthbearer: null,
      },
      security: { certificate_id: null, ca_certificate_id: null, ssl: false, ssl_verify: true },
      producer_request_acks: -1,
      producer_request_timeout: 2_000,
      producer_request_limits_messages_per_request: 200,
      producer_request_limits_bytes_per_request: 1_048_576,
      producer_request_retries_max_attempts: 10,
      producer_request_retries_backoff_timeout: 100,
      delivery_timeout: 10_000,
      producer_async: false,
      producer_async_flush_timeout: 1_000,
      producer_async_buffering_limits_messages_in_memory: 50_000,
      producer_async_buffering_limits_bytes_in_memory: 64 * 1024 * 1024,
      producer_linger: 0,
      producer_idempotent: false,
      partitioner: 'murmur2',
      compression_type: 'none',
      new_kafka_async_producer: null,
      producer_async_health_gating: false,
      producer_async_health_failure_threshold: 3,
      producer_async_health_probe_interval: 5_000,
      producer_async_health_recovery_threshold: 1,
      topics_query_arg: null,
      allowed_topics: null,
      key_query_arg: null,
      key_from: null,
      topic_template: null,
      forward_method: false,
      forward_uri: false,
      forward_headers: false,
      forward_body: true,
      record_value: 'envelope',
      message_by_lua_functions: null,
      headers: {
        forward_http_headers_as_record_headers: true,
        forward_all_by_default: false,
        include_headers: [],
        exclude_headers: [],
        name_mappings: {},
        repeated_headers_behavior: 'retain_duplicates',
      },
      error_handling: { return_error_message: false },
      schema_registry: null,
    });
    expect(buildConfig(registry({})).schema_registry?.confluent).to.deep.equal({
      url: 'http://r:8081',
      ttl: 60,
      ssl_verify: true,
      authentication: { mode: 'none', basic: null, oauth2: null, oauth2_client: null },
      logical_cluster_id: null,
      identity_pool_id: null,
      subject_name_strategy: 'subject_name',
      key_schema: null,
      value_schema: { subject_name: 's', schema_version: 'latest', payload_encoding: 'auto', message_name: null },
    });
  });

  const good: [string, Values][] = [
    ['PLAIN', { authentication: { strategy: 'sasl', mechanism: 'PLAIN', user: 'u', password: '{vault://env/P}' } }],
    ['acks 0', { producer_request_acks: 0 }],
    [
      'ports at both ends',
      {
        bootstrap_servers: [
          { host: 'a', port: 0 },
          { host: '::1', port: 65535 },
        ],
      },
    ],
    ['an empty Lua chain', { message_by_lua_functions: [] }],
    ['a subject by topic', registry({ subject_name_strategy: 'topic', value_schema: {} })],
    ['a schema of keys alone', registry({ key_schema: { subject_name: 'k' }, value_schema: null })],
    ['oauth2 with a secret', oauth2({ client_id: 'c', client_secret: '{vault://env/S}' })],
    ['oauth2 without a secret', oauth2({ client_id: 'c' }, { auth_method: 'none' })],
    ['a password alone', oauth2({ grant_type: 'password', username: 'u', password: 'p' }, { auth_method: 'none' })],
    ['allowed topics', { topics_query_arg: 'topics', allowed_topics: ['a', 'b.*', '*'] }],
    ['keepalive', { keepalive: 5, keepalive_enabled: true, new_kafka_async_producer: true }],
  ];
  for (const [what, fields] of good) it(`accepts ${what}`, () => expect(faultsOf({ ...fields })).to.deep.equal([]));

  const later = 'not supported yet: only ';
  const bad: [Values, string[]][] = [
    [{ topic: null }, ['topic: required field missing']],
    [{ topic: 'a b' }, ["topic: not a topic name: 1 to 249 of letters, digits, '.', '_' and '-'"]],
    [{ topic: '..' }, ["topic: not a topic name: 1 to 249 of letters, digits, '.', '_' and '-'"]],
    [
      { allowed_topics: ['a*b'] },
      ["allowed_topics.0: not a topic name: 1 to 249 of letters, digits, '.', '_' and '-'"],
    ],
    [{ bootstrap_servers: [] }, ['bootstrap_servers: length must be at least 1']],
    [
      { bootstrap_servers: [{ host: 'a b', port: 1 }] },
      ['bootstrap_servers.0.host: expected a host name or an IP address'],
    ],
    [{ nonsense: 1 }, ['nonsense: unknown field']],
    [
      { forward_body: false },
      [
        "forward_body: at least one of these fields must be true: 'forward_method', 'forward_uri', 'forward_headers', 'forward_body'",
      ],
    ],
    [
      { authentication: { strategy: 'sasl', mechanism: 'SCRAM-SHA-256' } },
      ['authentication.user: required field missing', 'authentication.password: required field missing'],
    ],
    [{ authentication: { strategy: 'sasl' } }, ['authentication.mechanism: required field missing']],
    [
      { authentication: { mechanism: 'OAUTHBEARER', tokenauth: true } },
      [
        'authentication.strategy: required field missing',
        'authentication.oauthbearer: required field missing',
        'authentication.tokenauth: needs a SCRAM mechanism',
      ],
    ],
    [{ security: { certificate_id: '8b44be3a-8a0b-4f4b-9d4a-0a4ad4f4a4f4' } }, ['security.certificate_id: needs ssl']],
    [{ producer_idempotent: true, producer_request_acks: 1 }, ['producer_idempotent: needs producer_request_acks -1']],
    [
      { key_query_arg: 'k', key_from: { header: 'x' } },
      ["key_from: only one of these fields must be non-empty: 'key_query_arg', 'key_from'"],
    ],
    [{ message_by_lua_functions: ['x'] }, ['message_by_lua_functions.0: line 1: syntax error near <eof>']],
    [registry({ url: 'http://u:p@x' }), ['schema_registry.confluent.url: must not hold a user name or a password']],
    [registry({ url: 'ftp://x' }), ['schema_registry.confluent.url: expected an http or https URL']],
    [registry({ value_schema: null }), ['schema_registry.confluent.value_schema: required field missing']],
    [registry({ value_schema: {} }), ['schema_registry.confluent.value_schema.subject_name: required field missing']],
    [registry({ ttl: 3601 }), ['schema_registry.confluent.ttl: value should be between 0 and 3600']],
    [
      registry({ authentication: { mode: 'basic' } }),
      ['schema_registry.confluent.authentication.basic: required field missing'],
    ],
    [
      registry({ authentication: { mode: 'oauth2' } }),
      ['schema_registry.confluent.authentication.oauth2: required field missing'],
    ],
    [oauth2({}), ['client_id', 'client_secret'].map(missingOauth2)],
    [
      oauth2({ grant_type: 'password', client_id: 'c', client_secret: 's' }),
      ['username', 'password'].map(missingOauth2),
    ],
    [oauth2({}, { auth_method: 'none' }), ['client_id'].map(missingOauth2)],
    [
      oauth2(
        { client_id: 'c', client_secret: 's' },
        { auth_method: 'client_secret_jwt', client_secret_jwt_alg: 'HS256' },
      ),
      [],
    ],
    [
      oauth2({ client_id: 'c', client_secret: 's' }, { http_version: 2, http_proxy: 'p', no_proxy: 'x' }),
      [
        `${oauth2Client}http_proxy: expected an http or https URL`,
        `${oauth2Client}http_version: ${later}1.1 is accepted`,
      ],
    ],
    [
      registry({ key_schema: { schema_version: '1' } }),
      ['schema_registry.confluent.key_schema.subject_name: required field missing'],
    ],
  ];
  for (const [fields, faults] of bad) {
    it(`refuses ${JSON.stringify(fields)}`, () => expect(faultsOf({ ...fields })).to.deep.equal(faults));
  }
});
