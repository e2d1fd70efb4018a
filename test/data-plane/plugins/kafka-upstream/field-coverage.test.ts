import { expect } from 'chai';
import { kafkaUpstream } from '../../../../data-plane/plugins/kafka-upstream/plugin.ts';
import { RequestError } from '../../../../shared/errors.ts';
import { kafkaUpstreamSchema } from '../../../../shared/plugin-schemas/kafka-upstream.ts';
import {
  type Asked,
  publishedPaths,
  refused,
  settings,
  valueAt,
  type Values,
  withoutEffect,
  withValue,
} from '../kafka-settings/setting-rows.ts';
import { buildConfig, faultsOf } from './build-config.ts';
import { access, exchange, Fakes } from './plugin-fakes.ts';

/** What producers and encoders are asked for under a configuration. */
function askedFor(config: Values): Readonly<Record<Asked, unknown>> {
  const fakes = new Fakes();
  fakes.create(config).close?.();
  const optionsOf = (role: string): unknown => fakes.encoderOptions.find((options) => options.role === role);
  return { producer: fakes.acquired[0], key: optionsOf('key'), value: optionsOf('value') };
}

type Facts = Parameters<typeof exchange>[0];

/** What becomes of one request under a configuration, or its faults. */
async function outcomeOf(config: Values, request: Facts): Promise<Values> {
  const faults = faultsOf(config);
  if (faults.length > 0) return { faults };
  const fakes = new Fakes();
  fakes.verdict = (topic) =>
    topic === 'failing'
      ? { outcome: 'not_sent', topic, code: 'KAFKA_UNAVAILABLE', message: 'plain words', kafkaName: 'KAFKA_NAME' }
      : { outcome: 'acked', topic, partition: 0, offset: '1' };
  const created = await kafkaUpstream.create(buildConfig(config), fakes.deps());
  if (created.kind === 'faults') return { faults: created.faults };
  let failure: RequestError | undefined;
  try {
    await access(created.instance, exchange(request));
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    failure = error;
  }
  const { topic, mode, deadlineMs, record } = fakes.sent[0] ?? {};
  const text = record?.value?.toString() ?? '';
  return {
    topic,
    topics: fakes.sent.map((sent) => sent.topic),
    texts: fakes.sent.map((sent) => sent.record.value?.toString()),
    mode,
    deadlineMs,
    key: record?.key?.toString(),
    text,
    partition: record?.partition,
    timestampMs: record?.timestampMs,
    isNull: record?.value === null,
    envelope: text.startsWith('{') ? (JSON.parse(text) as unknown) : undefined,
    headers: record?.headers.map(({ name, value }) => `${name}: ${String(value)}`),
    failure: failure?.message,
    brokers: fakes.acquired[0]?.cluster.bootstrapServers,
    login: fakes.acquired[0]?.cluster.sasl?.mechanism,
    lua: fakes.luaFunctions,
  };
}

/**
 * Fields that show in what becomes of a request: the field's value with what it needs beside it, the request, and what
 * is found where. Without the value something else is found there.
 */
const behaviours: readonly [
  path: string,
  value: unknown,
  place: string,
  found: unknown,
  request?: Facts,
  base?: Values,
][] = [
  ['bootstrap_servers.host', 'b', 'brokers.0.host', 'b'],
  ['bootstrap_servers.port', 7, 'brokers.0.port', 7],
  [
    'authentication.strategy',
    'sasl',
    'login',
    'PLAIN',
    {},
    { authentication: { mechanism: 'PLAIN', user: 'u', password: 'p' } },
  ],
  ['delivery_timeout', 500, 'deadlineMs', 1_500],
  ['producer_async', true, 'mode', 'enqueue'],
  ['topic', 'other', 'topic', 'other'],
  ['topics_query_arg', 't', 'topics', ['a', 'b'], { query: 't=a,b' }, { allowed_topics: ['a', 'b'] }],
  ['allowed_topics', ['a', 'b.*'], 'topics', ['a', 'b.c'], { query: 't=a,b.c' }, { topics_query_arg: 't' }],
  [
    'topic_template',
    'x.${path.tenant}.${header.X-Kind}.${query.q}',
    'topic',
    'x.acme.new.7',
    { captures: { tenant: 'acme' }, headers: ['x-kind', 'new'], query: 'q=7' },
    { allowed_topics: ['x.*'] },
  ],
  ['key_query_arg', 'k', 'key', '7', { query: 'k=7' }],
  ['key_from.header', 'X-Key', 'key', '7', { headers: ['x-key', '7'] }],
  ['key_from.body_pointer', '/a/0', 'key', '7', { body: '{"a":[7]}' }],
  ['key_from.path_capture', 'id', 'key', '7', { captures: { id: '7' } }],
  ['key_from.consumer', 'username', 'key', 'u', { consumer: { id: 'c', username: 'u', customId: null } }],
  ['forward_method', true, 'envelope.method', 'POST'],
  ['forward_uri', true, 'envelope.uri', '/?x=1', { query: 'x=1' }],
  ['forward_headers', true, 'envelope.headers', { a: 'b' }, { headers: ['A', 'b'] }],
  ['forward_body', false, 'envelope', { method: 'POST' }, {}, { forward_method: true }],
  ['record_value', 'body', 'text', 'x', { body: 'x' }],
  [
    'records_from',
    'ndjson',
    'texts',
    ['1', '2'],
    { headers: ['content-type', 'application/x-ndjson'], body: '1\n2' },
    { record_value: 'body' },
  ],
  [
    'records_pointer',
    '/r',
    'texts',
    ['1', '2'],
    { headers: ['content-type', 'application/json'], body: '{"r":[1,2]}' },
    { record_value: 'body', records_from: 'json_array' },
  ],
  [
    'records_max',
    1,
    'failure',
    'The request has more than 1 records.',
    { headers: ['content-type', 'application/json'], body: '[1,2]' },
    { records_from: 'json_array' },
  ],
  [
    'records_bytes_max',
    20,
    'failure',
    'The records of the request are larger than 20 bytes.',
    { headers: ['content-type', 'application/json'], body: '[1,2]' },
    { records_from: 'json_array' },
  ],
  [
    'body_encoding',
    'avro',
    'text',
    'framed for orders',
    { body: 'x' },
    {
      record_value: 'body',
      schema_registry: { confluent: { url: 'http://r', value_schema: { subject_name: 's' } } },
    },
  ],
  [
    'cloudevents.mode',
    'structured',
    'headers',
    ['content-type: application/cloudevents+json; charset=UTF-8'],
    {
      headers: ['content-type', 'application/cloudevents+json'],
      body: '{"specversion":"1.0","id":"1","source":"s","type":"t","data":1}',
    },
    { record_value: 'body', records_from: 'cloudevents' },
  ],
  ['partition_from.header', 'X-P', 'partition', 3, { headers: ['x-p', '3'] }],
  ['partition_from.query_arg', 'p', 'partition', 3, { query: 'p=3' }],
  ['partition_from.body_pointer', '/p', 'partition', 3, { body: '{"p":3}' }],
  ['timestamp_from.header', 'X-T', 'timestampMs', 5, { headers: ['x-t', '5'] }],
  ['timestamp_from.query_arg', 't', 'timestampMs', 5, { query: 't=5' }],
  ['timestamp_from.body_pointer', '/t', 'timestampMs', 1_000, { body: '{"t":"1970-01-01T00:00:01Z"}' }],
  [
    'idempotency_key_from.header',
    'Idempotency-Key',
    'failure',
    'The idempotency key must have 1 to 255 characters.',
    { headers: ['idempotency-key', ''] },
  ],
  ['value_from.body_pointer', '/v', 'text', '[1.0]', { body: '{"v":[1.0]}' }, { record_value: 'body' }],
  ['headers_from.body_pointer', '/h', 'headers', ['a: b'], { body: '{"h":{"a":"b"}}' }],
  ['headers.prefix_mappings', { 'X-': 'p_' }, 'headers', ['p_a: b'], { headers: ['x-a', 'b'] }],
  [
    'coerce_text',
    true,
    'text',
    'encoded {"n":5}',
    { headers: ['content-type', 'application/x-www-form-urlencoded'], body: 'n=5' },
    {
      topic: 'typed',
      record_value: 'body',
      schema_registry: { confluent: { url: 'http://r', value_schema: { subject_name: 's' } } },
    },
  ],
  ['tombstones', true, 'isNull', true, { query: 'k=7' }, { record_value: 'body', key_query_arg: 'k' }],
  ['message_by_lua_functions', ['return function(m) return m end'], 'lua', [['return function(m) return m end']]],
  ['headers.forward_http_headers_as_record_headers', false, 'headers', [], { headers: ['traceparent', 't'] }],
  ['headers.forward_all_by_default', true, 'headers', ['a: b'], { headers: ['A', 'b'] }],
  ['headers.include_headers', ['A'], 'headers', ['a: b'], { headers: ['A', 'b', 'c', 'd'] }],
  [
    'headers.exclude_headers',
    ['A'],
    'headers',
    ['c: d'],
    { headers: ['a', 'b', 'c', 'd'] },
    { headers: { forward_all_by_default: true } },
  ],
  [
    'headers.name_mappings',
    { A: 'Z' },
    'headers',
    ['Z: b'],
    { headers: ['a', 'b'] },
    { headers: { include_headers: ['a'] } },
  ],
  [
    'headers.repeated_headers_behavior',
    'take_first',
    'headers',
    ['a: 1'],
    { headers: ['a', '1', 'a', '2'] },
    { headers: { include_headers: ['a'] } },
  ],
  ['error_handling.return_error_message', true, 'failure', 'KAFKA_NAME', {}, { topic: 'failing' }],
];

function changed(base: Values, path: string, value: unknown): Values {
  const [list, name] = path.split('.');
  if (list !== 'bootstrap_servers') return withValue(base, path, value);
  return { ...base, bootstrap_servers: [{ host: 'localhost', port: 9092, [name ?? '']: value }] };
}

describe('fields of kafka-upstream', () => {
  it('all have a row below that moves them', () => {
    const tables = [settings, behaviours, refused].flatMap((table) => table.map(([path]) => path));
    const covered = [...tables, ...Object.keys(withoutEffect)];
    expect(covered.toSorted()).to.deep.equal(publishedPaths(kafkaUpstreamSchema.config).toSorted());
  });

  for (const [path, value, asked, place, base = {}, found = value] of settings) {
    it(`${path} sets ${place}`, () => {
      expect(valueAt(askedFor(base)[asked], place)).not.to.deep.equal(found);
      expect(valueAt(askedFor(withValue(base, path, value))[asked], place)).to.deep.equal(found);
    });
  }

  for (const [path, value, place, found, request = {}, base = {}] of behaviours) {
    it(`${path} changes ${place}`, async () => {
      expect(valueAt(await outcomeOf(base, request), place)).not.to.deep.equal(found);
      expect(valueAt(await outcomeOf(changed(base, path, value), request), place)).to.deep.equal(found);
    });
  }

  for (const [path, value] of Object.entries(withoutEffect)) {
    it(`${path} changes nothing`, async () => {
      expect(askedFor({ [path]: value })).to.deep.equal(askedFor({}));
      expect(await outcomeOf({ [path]: value }, {})).to.deep.equal(await outcomeOf({}, {}));
    });
  }

  for (const [path, value, base = {}] of refused) {
    it(`${path} is refused`, () => {
      const faults = faultsOf(withValue(base, path, value));
      expect(faults.filter((fault) => fault.startsWith(`${path}: not supported yet`))).to.have.length(1);
    });
  }
});
