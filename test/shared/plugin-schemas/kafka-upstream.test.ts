import { expect } from 'chai';
import { kafkaUpstreamSchema } from '../../../shared/plugin-schemas/kafka-upstream.ts';
import { innerFields, requiredToUnderstandPaths } from '../../../shared/schema/field-paths.ts';
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
      records_from: 'request',
      records_pointer: '',
      records_max: 10_000,
      records_bytes_max: 16 * 1024 * 1024,
      body_encoding: 'json',
      cloudevents: { mode: 'binary' },
      partition_from: null,
      timestamp_from: null,
      idempotency_key_from: null,
      value_from: null,
      headers_from: null,
      coerce_text: false,
      tombstones: false,
      message_by_lua_functions: null,
      headers: {
        forward_http_headers_as_record_headers: true,
        forward_all_by_default: false,
        include_headers: [],
        exclude_headers: [],
        name_mappings: {},
        prefix_mappings: {},
        repeated_headers_behavior: 'retain_duplicates',
      },
      error_handling: { return_error_message: false },
      schema_registry: null,
    });
    expect(buildConfig(registry({})).schema_registry?.confluent).to.deep.equal({
      url: 'http://r:8081',
      ttl: 60,
      ssl_verify: true,
      authentication: {
        mode: 'none',
        basic: null,
        oauth2: null,
        oauth2_client: null,
        logical_cluster_id: null,
        identity_pool_id: null,
      },
      subject_name_strategy: 'subject_name',
      key_schema: null,
      value_schema: { subject_name: 's', schema_version: 'latest', payload_encoding: 'auto', message_name: null },
    });
  });

  it('keeps fields that change the record from nodes that do not know them', () => {
    const fields = [
      'partition_from',
      'timestamp_from',
      'value_from.body_pointer',
      'headers_from',
      'headers.prefix_mappings',
      'records_from',
      'records_pointer',
      'cloudevents.mode',
      'body_encoding',
      'tombstones',
      'coerce_text',
      'idempotency_key_from',
      'key_from.body_pointer',
      'topic_template',
    ];
    expect(requiredToUnderstandPaths(innerFields(kafkaUpstreamSchema.config))).to.include.members(fields);
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
      { partition_from: { header: 'p' }, topics_query_arg: 't' },
      ["partition_from: only one of these fields must be non-empty: 'topics_query_arg', 'partition_from'"],
    ],
    [
      { partition_from: { header: 'p', query_arg: 'p' } },
      ["partition_from.@entity: exactly one of these fields must be non-empty: 'header', 'query_arg', 'body_pointer'"],
    ],
    [{ timestamp_from: { body_pointer: 't' } }, ['timestamp_from.body_pointer: expected a JSON Pointer']],
    [
      { coerce_text: true, value_from: { body_pointer: '/v' } },
      [
        'coerce_text: needs a value schema: schema_registry.confluent.value_schema',
        "coerce_text: needs record_value 'body': an envelope holds text",
        "coerce_text: only one of these fields must be non-empty: 'coerce_text', 'value_from'",
      ],
    ],
    [
      { records_from: 'ndjson', records_pointer: '/r', coerce_text: true, record_value: 'body' },
      [
        "records_pointer: needs records_from 'json_array'",
        'coerce_text: needs a value schema: schema_registry.confluent.value_schema',
        "coerce_text: does not go with records_from 'ndjson': it is for forms",
      ],
    ],
    [
      {
        records_from: 'json_array',
        records_max: 11,
        producer_async_buffering_limits_messages_in_memory: 10,
        producer_request_acks: 0,
        topics_query_arg: 't',
      },
      [
        'records_max: must not be above producer_async_buffering_limits_messages_in_memory (10): such a request never finds room',
        "records_from: 'json_array' does not go with producer_request_acks 0 and topics_query_arg together: nobody could tell which topic has which records",
      ],
    ],
    [
      {
        records_from: 'cloudevents',
        value_from: { body_pointer: '/data' },
        cloudevents: { mode: 'structured' },
        ...registry({}),
      },
      [
        "records_from: 'cloudevents' needs record_value 'body': an envelope is no event",
        "value_from: does not go with records_from 'cloudevents': the value is the event's data",
        'cloudevents.mode: does not go with a value schema: the value is the event as JSON',
      ],
    ],
    [
      {
        body_encoding: 'avro',
        records_from: 'ndjson',
        coerce_text: true,
        message_by_lua_functions: ['return function(m) return m end'],
        key_from: { body_pointer: '/id' },
        topic_template: 't.${body./t}',
      },
      [
        'body_encoding: needs a value schema: schema_registry.confluent.value_schema',
        "body_encoding: needs record_value 'body': an envelope is JSON",
        'body_encoding: does not go with message_by_lua_functions',
        'body_encoding: does not go with coerce_text',
        "body_encoding: does not go with records_from 'ndjson': its elements are JSON",
        'body_encoding: does not go with key_from.body_pointer: the body is no JSON',
        'body_encoding: does not go with ${body…} in topic_template: the body is no JSON',
        'coerce_text: needs a value schema: schema_registry.confluent.value_schema',
        "coerce_text: needs record_value 'body': an envelope holds text",
        "coerce_text: does not go with records_from 'ndjson': it is for forms",
      ],
    ],
    [{ cloudevents: { mode: 'structured' } }, ["cloudevents.mode: needs records_from 'cloudevents'"]],
    [{ records_from: 'json_array', records_pointer: 'r' }, ['records_pointer: expected a JSON Pointer']],
    [{ records_max: 50_001 }, ['records_max: value should be between 1 and 50000']],
    [{ idempotency_key_from: { header: 'a b' } }, ['idempotency_key_from.header: not the name of a header']],
    [{ value_from: { body_pointer: 'v' } }, ['value_from.body_pointer: expected a JSON Pointer']],
    [{ headers: { prefix_mappings: { '': 'x' } } }, ['headers.prefix_mappings.: length must be at least 1']],
    [
      { tombstones: true },
      [
        "tombstones: needs record_value 'body', or Lua functions: an envelope is never null",
        'tombstones: needs a key: key_query_arg or key_from',
      ],
    ],
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
    [
      registry({ value_schema: { schema_version: '3' } }),
      ['schema_registry.confluent.value_schema.subject_name: required field missing'],
    ],
    [registry({ url: null }), ['schema_registry.confluent.url: required field missing']],
    [
      registry({ url: null, value_schema: null, subject_name_strategy: 'topic' }),
      [
        'schema_registry.confluent.url: required field missing',
        'schema_registry.confluent.value_schema: required field missing',
      ],
    ],
    [
      { authentication: { strategy: 'sasl', mechanism: 'OAUTHBEARER', oauthbearer: { scopes: [], extensions: {} } } },
      ['authentication.oauthbearer: required field missing'],
    ],
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

  /** A value at a dotted path of the configuration; what a field needs beside it stands in `needs`. */
  const at = (path: string, value: unknown): Values =>
    path.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as Values;
  const sasl = { strategy: 'sasl', user: 'u', password: 'p' };
  const ofRegistry = 'schema_registry.confluent.';
  const needs: Readonly<Record<string, (value: unknown) => Values>> = {
    'bootstrap_servers.0.port': (port) => ({ bootstrap_servers: [{ host: 'a', port }] }),
    'authentication.mechanism': (mechanism) => ({ authentication: { ...sasl, mechanism } }),
    'key_from.consumer': (consumer) => ({ key_from: { consumer } }),
    [`${ofRegistry}ttl`]: (ttl) => registry({ ttl }),
    [`${ofRegistry}subject_name_strategy`]: (strategy) => registry({ subject_name_strategy: strategy }),
    [`${ofRegistry}value_schema.payload_encoding`]: (encoding) =>
      registry({ value_schema: { subject_name: 's', payload_encoding: encoding } }),
    [`${ofRegistry}value_schema.schema_version`]: (version) =>
      registry({ value_schema: { subject_name: 's', schema_version: version } }),
    [`${oauth2Client}auth_method`]: (method) => oauth2({ client_id: 'c', client_secret: 's' }, { auth_method: method }),
    [`${oauth2Client}client_secret_jwt_alg`]: (algorithm) =>
      oauth2({ client_id: 'c', client_secret: 's' }, { client_secret_jwt_alg: algorithm }),
    [`${oauth2Client}timeout`]: (timeout) => oauth2({ client_id: 'c', client_secret: 's' }, { timeout }),
  };
  const configured = (path: string, value: unknown): Values => needs[path]?.(value) ?? at(path, value);

  const intMax = 2_147_483_647;
  const ranges: [path: string, min: number, max: number][] = [
    ['bootstrap_servers.0.port', 0, 65_535],
    ['timeout', 1, intMax],
    ['keepalive', 0, intMax],
    ['producer_request_timeout', 1, intMax],
    ['producer_request_limits_messages_per_request', 1, intMax],
    ['producer_request_limits_bytes_per_request', 1, intMax],
    ['producer_request_retries_max_attempts', 0, intMax],
    ['producer_request_retries_backoff_timeout', 0, intMax],
    ['delivery_timeout', 1, intMax],
    ['producer_async_flush_timeout', 1, intMax],
    ['producer_async_buffering_limits_messages_in_memory', 1, intMax],
    ['producer_async_buffering_limits_bytes_in_memory', 1, Number.MAX_SAFE_INTEGER],
    ['producer_linger', 0, intMax],
    ['producer_async_health_failure_threshold', 1, 100],
    ['producer_async_health_probe_interval', 100, 600_000],
    ['producer_async_health_recovery_threshold', 1, 100],
    [`${ofRegistry}ttl`, 0, 3_600],
    [`${oauth2Client}timeout`, 0, 2_147_483_646],
  ];
  for (const [path, min, max] of ranges) {
    it(`${path} is from ${min} to ${max}`, () => {
      for (const value of [min, max]) expect(faultsOf({ ...configured(path, value) }), String(value)).to.deep.equal([]);
      const fault = `${path}: value should be between ${min} and ${max}`;
      for (const value of [min - 1, ...(max === Number.MAX_SAFE_INTEGER ? [] : [max + 1])]) {
        expect(faultsOf({ ...configured(path, value) }), String(value)).to.deep.equal([fault]);
      }
      for (const value of [min + 0.5, String(min), true]) {
        expect(faultsOf({ ...configured(path, value) }), String(value)).to.deep.equal([`${path}: expected an integer`]);
      }
    });
  }

  const choices: [path: string, values: readonly unknown[]][] = [
    ['authentication.mechanism', ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']],
    ['producer_request_acks', [-1, 0, 1]],
    ['partitioner', ['murmur2', 'crc32']],
    ['compression_type', ['none', 'gzip', 'snappy', 'lz4', 'zstd']],
    ['record_value', ['envelope', 'body']],
    ['key_from.consumer', ['id', 'username']],
    ['headers.repeated_headers_behavior', ['retain_duplicates', 'take_first', 'concatenate_by_comma']],
    [`${ofRegistry}subject_name_strategy`, ['subject_name', 'topic']],
    [`${ofRegistry}value_schema.payload_encoding`, ['auto', 'avro_json', 'simple_json']],
    [`${oauth2Client}auth_method`, ['client_secret_post', 'client_secret_basic', 'client_secret_jwt', 'none']],
    [`${oauth2Client}client_secret_jwt_alg`, ['HS256', 'HS512']],
  ];
  for (const [path, values] of choices) {
    it(`${path} is one of ${values.join(', ')}`, () => {
      for (const value of values) expect(faultsOf({ ...configured(path, value) }), String(value)).to.deep.equal([]);
      const other = typeof values[0] === 'number' ? 2 : 'OTHER';
      const [fault = ''] = faultsOf({ ...configured(path, other) });
      expect(fault)
        .to.match(/^[a-z_0-9.]+: expected one of: /)
        .and.include(`${path}: `);
      for (const value of values) expect(fault).to.include(String(value));
    });
  }

  it('a schema_version is a number as text, or latest', () => {
    const path = `${ofRegistry}value_schema.schema_version`;
    for (const version of ['1', '2147483647', 'latest']) {
      expect(faultsOf({ ...configured(path, version) }), version).to.deep.equal([]);
    }
    for (const version of ['0', '-1', '1.5', 'v1', '', 'LATEST', '2147483648', ' 1', '01']) {
      expect(faultsOf({ ...configured(path, version) }), JSON.stringify(version)).to.have.length(1);
    }
    expect(faultsOf({ ...configured(path, 1) })).to.deep.equal([`${path}: expected a string`]);
  });
});
