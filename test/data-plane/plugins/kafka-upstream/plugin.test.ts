import { expect } from 'chai';
import { gzipSync } from 'node:zlib';
import { kafkaUpstream } from '../../../../data-plane/plugins/kafka-upstream/plugin.ts';
import { RequestError } from '../../../../shared/errors.ts';
import { instanceOf } from '../../../helpers/plugins.ts';
import { buildConfig } from './build-config.ts';
import { Fakes, access, exchange } from './plugin-fakes.ts';

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof RequestError) return error.code;
    throw error;
  }
  return 'none';
}

const registry = (fields: object = {}): object => ({
  confluent: { url: 'http://r', value_schema: { subject_name: 's' }, ...fields },
});
const json = ['content-type', 'application/json'];

describe('kafka-upstream', () => {
  let fakes: Fakes;
  beforeEach(() => {
    fakes = new Fakes();
  });

  it('makes a record of a request and answers with its place', async () => {
    const instance = fakes.create({ key_query_arg: 'k', delivery_timeout: 500 });
    const headers = [...json, 'traceparent', '00-a-b-01', 'x-other', 'y'];
    const answer = await access(instance, exchange({ query: 'k=7', headers, body: '{"a":1}' }));
    expect(answer.status).to.equal(200);
    expect(answer.body).to.include('"outcome":"acked"');
    const [sent] = fakes.sent;
    expect(sent?.record.value?.toString()).to.equal('{"body":"{\\"a\\":1}","body_args":{"a":1}}');
    expect(sent?.record.key?.toString()).to.equal('7');
    expect(sent?.record.headers).to.deep.equal([{ name: 'traceparent', value: '00-a-b-01' }]);
    expect([sent?.topic, sent?.deadlineMs, sent?.mode]).to.deep.equal(['orders', 1500, 'publish']);
  });

  it('sends the bytes of the body unchanged', async () => {
    const body = Buffer.from([0xff, 0, 0x7b]);
    await access(fakes.create({ record_value: 'body' }), exchange({ headers: json, body }));
    expect(fakes.sent[0]?.record.value).to.deep.equal(body);
  });

  it('decodes a content encoding within the limit', async () => {
    const instance = fakes.create({ record_value: 'body' });
    const headers = ['content-encoding', 'gzip'];
    await access(instance, exchange({ headers, body: gzipSync('hello') }));
    expect(fakes.sent[0]?.record.value?.toString()).to.equal('hello');
    const bomb = exchange({ headers, body: gzipSync(Buffer.alloc(100_000)) });
    expect(await codeOf(access(instance, bomb))).to.equal('BODY_TOO_LARGE');
    expect(fakes.sent).to.have.length(1);
  });

  it('encodes the envelope or the body with a schema', async () => {
    await access(fakes.create({ schema_registry: registry() }), exchange({ headers: json, body: '{"a":1}' }));
    const body = { schema_registry: registry(), record_value: 'body' };
    await access(fakes.create(body), exchange({ headers: json, body: '{"a":1}' }));
    expect(fakes.encoded).to.deep.equal(['orders {"body":"{\\"a\\":1}","body_args":{"a":1}}', 'orders {"a":1}']);
    expect(fakes.sent[1]?.record.value?.toString()).to.equal('encoded for orders');
    await access(fakes.create({ ...body, topic: 'late' }), exchange({ headers: json, body: '{"a":1}' }));
    expect(fakes.sent[2]?.record.value?.toString()).to.equal('late');
  });

  it('asks the registry as configured', () => {
    const authentication = { mode: 'basic', basic: { username: 'u', password: 'p' } };
    fakes.create({
      schema_registry: registry({
        authentication: { ...authentication, logical_cluster_id: 'l', identity_pool_id: 'i' },
        ttl: 5,
      }),
    });
    expect(fakes.encoderOptions[0]?.registry).to.deep.equal({
      url: 'http://r',
      ttlSeconds: 5,
      sslVerify: true,
      authentication: { mode: 'basic', username: 'u', password: 'p' },
      headers: { 'target-sr-cluster': 'l', 'Confluent-Identity-Pool-Id': 'i' },
    });
  });

  it('asks for tokens as configured', () => {
    const oauth2 = {
      token_endpoint: 'http://t',
      client_id: 'c',
      client_secret: 's',
      audience: ['a'],
      token_headers: { x: '1' },
      token_post_args: { y: '2' },
    };
    const settingsOf = (fields: object): unknown => {
      fakes.create({ schema_registry: registry({ authentication: { mode: 'oauth2', ...fields } }) });
      const authentication = fakes.encoderOptions.at(-1)?.registry.authentication;
      return authentication?.mode === 'oauth2' ? authentication.oauth : undefined;
    };
    const expected = {
      tokenEndpoint: 'http://t',
      grantType: 'client_credentials',
      clientAuth: 'client_secret_post',
      clientId: 'c',
      clientSecret: 's',
      username: null,
      password: null,
      scopes: ['openid'],
      audience: ['a'],
      headers: { x: '1' },
      postArgs: { y: '2' },
      timeoutMs: 10_000,
      keepAlive: true,
      sslVerify: true,
      jwtAlgorithm: 'HS512',
      proxies: { http: null, https: null, except: null },
    };
    expect(settingsOf({ oauth2 })).to.deep.equal(expected);
    const oauth2_client = { auth_method: 'client_secret_basic', timeout: 5, keep_alive: false, ssl_verify: false };
    expect(settingsOf({ oauth2, oauth2_client })).to.deep.equal({
      ...expected,
      clientAuth: 'client_secret_basic',
      timeoutMs: 5,
      keepAlive: false,
      sslVerify: false,
    });
    expect(settingsOf({ oauth2, oauth2_client: { timeout: 0 } })).to.include({ timeoutMs: 10_000 });
  });

  it('asks for the producer that is configured', () => {
    const sasl = { strategy: 'sasl', mechanism: 'SCRAM-SHA-256', user: 'u', password: 'p', tokenauth: true };
    fakes.create({ authentication: sasl, security: { ssl: true, ssl_verify: false }, compression_type: 'gzip' });
    expect(fakes.acquired[0]).to.deep.equal({
      cluster: {
        bootstrapServers: [{ host: 'localhost', port: 9092 }],
        connectTimeoutMs: 10_000,
        requestTimeoutMs: 2_000,
        acks: -1,
        compression: 'gzip',
        idempotent: false,
        partitioner: 'murmur2',
        sasl: { mechanism: 'SCRAM-SHA-256', username: 'u', password: 'p', tokenauth: true },
        tls: { verify: false, ca: null, certificate: null, key: null },
      },
      limits: {
        batchRecordsMax: 200,
        batchBytesMax: 1_048_576,
        lingerMs: 0,
        queueRecordsMax: 50_000,
        queueBytesMax: 67_108_864,
        attemptsMax: 10,
        retryBackoffMs: 100,
      },
      health: null,
      label: 'localhost:9092',
      topics: ['orders'],
    });
  });

  it('asks for the brokers by host and port, with a login only where a strategy is set', () => {
    fakes.create({ bootstrap_servers: [{ host: 'a', port: 1 }], authentication: { strategy: null } });
    expect(fakes.acquired[0]?.cluster).to.deep.include({ bootstrapServers: [{ host: 'a', port: 1 }], sasl: null });
  });

  it("puts Kafka's name of an error in the answer when it is told to", async () => {
    fakes.verdict = (topic) => ({
      outcome: 'not_sent',
      topic,
      code: 'TOPIC_NOT_FOUND',
      message: 'plain words',
      kafkaName: 'UNKNOWN_TOPIC_OR_PARTITION',
    });
    const errorOf = async (config: Readonly<Record<string, unknown>>): Promise<unknown> =>
      access(fakes.create(config), exchange({})).catch((error: unknown) => error);
    expect(await errorOf({})).to.have.property('message', 'plain words');
    const named = await errorOf({ error_handling: { return_error_message: true } });
    expect(named).to.have.property('message', 'UNKNOWN_TOPIC_OR_PARTITION');
  });

  it('asks for a health gate in async mode only, and flushes within the flush time-out', () => {
    const gating = {
      producer_async_health_gating: true,
      producer_async_health_failure_threshold: 2,
      producer_async_health_probe_interval: 200,
      producer_async_health_recovery_threshold: 4,
    };
    const async = { producer_async: true, producer_linger: 5_000, producer_async_flush_timeout: 300 };
    fakes.create({ ...gating, ...async });
    expect(fakes.acquired[0]?.health).to.deep.equal({
      failureThreshold: 2,
      probeIntervalMs: 200,
      recoveryThreshold: 4,
    });
    expect(fakes.acquired[0]?.limits.lingerMs).to.equal(300);
    fakes.create(gating);
    expect(fakes.acquired[1]?.health).to.equal(null);
  });

  it('answers at once in async mode', async () => {
    const answer = await access(fakes.create({ producer_async: true }), exchange({}));
    expect([answer.body, fakes.sent[0]?.mode]).to.deep.equal([
      '{"message":"message sent","outcome":"accepted"}',
      'enqueue',
    ]);
  });

  it('sends to several topics, all or none', async () => {
    const instance = fakes.create({
      topics_query_arg: 't',
      allowed_topics: ['a', 'bad'],
      record_value: 'body',
      schema_registry: registry({ subject_name_strategy: 'topic' }),
    });
    const answer = await access(instance, exchange({ query: 't=a,orders', headers: json, body: '{}' }));
    expect(fakes.sent.map(({ topic, record }) => `${topic}: ${String(record.value)}`)).to.deep.equal([
      'a: encoded for a',
      'orders: encoded for orders',
    ]);
    expect(answer.body).to.include('"topic":"a"').and.include('"topic":"orders"');
    const bad = exchange({ query: 't=a,bad', headers: json, body: '{}' });
    expect(await codeOf(access(instance, bad))).to.equal('SCHEMA_VALIDATION_FAILED');
    expect(fakes.sent).to.have.length(2);
    fakes.verdict = (topic) =>
      topic === 'a'
        ? { outcome: 'not_sent', topic, code: 'TOPIC_NOT_FOUND', message: 'm', kafkaName: null }
        : { outcome: 'acked', topic, partition: 0, offset: '2' };
    const partial = await access(instance, exchange({ query: 't=a,orders', headers: json, body: '{}' }));
    expect(partial.status).to.equal(500);
    expect(partial.body).to.include('"outcome":"partial"');
  });

  it('counts the records of a request that is refused before any is published, once each', async () => {
    const instance = fakes.create({
      topics_query_arg: 't',
      allowed_topics: ['a', 'bad', 'late-bad'],
      record_value: 'body',
      schema_registry: registry({ subject_name_strategy: 'topic' }),
    });
    const refused = async (query: string, body = '{}'): Promise<string[]> => {
      fakes.refused.length = 0;
      await codeOf(access(instance, exchange({ query, headers: json, body })));
      return fakes.refused;
    };
    expect(await refused('t=elsewhere')).to.deep.equal(['orders rejected']);
    expect(await refused('t=a,bad')).to.deep.equal(['a rejected', 'bad rejected']);
    expect(await refused('t=late-bad')).to.deep.equal(['late-bad not_sent']);
    expect(await refused('t=a')).to.deep.equal([]);
  });

  it('takes topic, key and headers from the request', async () => {
    const instance = fakes.create({
      topic_template: '${header.x-topic}',
      allowed_topics: ['a.*'],
      key_from: { body_pointer: '/id' },
      headers: { include_headers: ['x-topic'], name_mappings: { 'x-topic': 'from' } },
      record_value: 'body',
    });
    await access(instance, exchange({ headers: ['x-topic', 'a.b'], body: '{"id":9007199254740993}' }));
    const [sent] = fakes.sent;
    expect([sent?.topic, sent?.record.key?.toString()]).to.deep.equal(['a.b', '9007199254740993']);
    expect(sent?.record.headers).to.deep.equal([{ name: 'from', value: 'a.b' }]);
    const refused = exchange({ headers: ['x-topic', 'b'], body: '{}' });
    expect(await codeOf(access(instance, refused))).to.equal('TOPIC_NOT_ALLOWED');
    fakes.verdict = (topic) => ({
      outcome: 'not_sent',
      topic,
      code: 'TOPIC_NOT_FOUND',
      message: 'm',
      kafkaName: null,
    });
    const unknown = access(instance, exchange({ headers: ['x-topic', 'a.c'], body: '{}' }));
    const error: unknown = await unknown.catch((reason: unknown) => reason);
    expect(error).to.include({ code: 'TOPIC_NOT_FOUND', status: 404, outcome: 'rejected' });
  });

  it('encodes the key for each topic by its schema, and no key not at all', async () => {
    const key_schema = { subject_name: 'k', schema_version: '3' };
    const schema_registry = registry({ key_schema, value_schema: null });
    const instance = fakes.create({ schema_registry, key_query_arg: 'k', record_value: 'body' });
    expect(
      fakes.encoderOptions.map(({ role, subjectName, schemaVersion }) => [role, subjectName, schemaVersion]),
    ).to.deep.equal([['key', 'k', '3']]);
    await access(instance, exchange({ query: 'k=7', body: 'x' }));
    await access(instance, exchange({ body: 'x' }));
    expect(fakes.sent.map(({ record }) => record.key?.toString())).to.deep.equal(['encoded for orders', undefined]);
    expect(fakes.encoded).to.deep.equal(['orders 7']);
    const several = fakes.create({
      schema_registry: registry({ key_schema: {}, value_schema: {}, subject_name_strategy: 'topic' }),
      key_query_arg: 'k',
      topics_query_arg: 't',
      allowed_topics: ['a', 'late'],
    });
    await access(several, exchange({ query: 'k=7&t=a,late', headers: json, body: '{}' }));
    expect(fakes.sent.slice(2).map(({ record }) => record.key?.toString())).to.deep.equal(['encoded for a', 'late']);
    instance.close?.();
    several.close?.();
    expect(fakes.released).to.equal(5);
  });

  it('resolves references when it is made, and says which it cannot', () => {
    const authentication = {
      strategy: 'sasl',
      mechanism: 'PLAIN',
      user: '{vault://env/U}',
      password: '{vault://env/P}',
    };
    const config = buildConfig({ authentication });
    expect(kafkaUpstream.create(config, fakes.deps({ U: 'u' }))).to.deep.equal({
      kind: 'faults',
      faults: [
        {
          path: ['config', 'authentication', 'password'],
          message: 'cannot resolve {vault://env/P}: the node has no such variable',
        },
      ],
    });
    expect(fakes.acquired).to.have.length(0);
    instanceOf(kafkaUpstream.create(config, fakes.deps({ U: 'u', P: 'p' })));
    expect(fakes.acquired[0]?.cluster.sasl).to.deep.equal({ mechanism: 'PLAIN', username: 'u', password: 'p' });
  });

  it('refuses what the Kafka client of the node cannot keep', () => {
    const unsupportedSettings = () => [{ field: 'authentication.tokenauth', reason: 'why' }];
    expect(kafkaUpstream.create(buildConfig(), { ...fakes.deps(), unsupportedSettings })).to.deep.equal({
      kind: 'faults',
      faults: [{ path: ['config', 'authentication', 'tokenauth'], message: 'not supported here: why' }],
    });
  });

  it('releases its leases when it closes', () => {
    fakes.create({ schema_registry: registry() }).close?.();
    expect(fakes.released).to.equal(2);
  });
});
