import { randomUUID } from 'node:crypto';
import avro from 'avsc';
import { expect } from 'chai';
import { Registry } from 'prom-client';
import { Producers } from '../../data-plane/kafka/producers.ts';
import { kafkaUpstream } from '../../data-plane/plugins/kafka-upstream/plugin.ts';
import type { PluginInstance } from '../../data-plane/plugin-api/plugin-definition.ts';
import type { Answer, Exchange } from '../../data-plane/plugin-api/exchange.ts';
import { HeaderList } from '../../data-plane/plugin-api/header-list.ts';
import type { Encoders } from '../../data-plane/schemas/encoder.ts';
import { createEncoders } from '../../data-plane/schemas/encoders.ts';
import { RequestError } from '../../shared/errors.ts';
import { silentLogger } from '../../shared/log.ts';
import { buildConfig } from '../data-plane/plugins/kafka-upstream/build-config.ts';
import { createTopic, readTopic, testKafka } from '../helpers/kafka.ts';
import { registerAvro, registerJson, testRegistry } from '../helpers/registry.ts';
import { noCertificates } from '../helpers/no-certificates.ts';
import { alone, instanceOf, noLua, noMetrics, noCredentials } from '../helpers/plugins.ts';

const schema = {
  type: 'record' as const,
  name: 'Order',
  fields: [
    { name: 'id', type: 'long' as const },
    { name: 'note', type: ['null' as const, 'string' as const], default: null },
  ],
};

describe('kafka-upstream with a real Kafka and registry', function () {
  this.timeout(60_000);
  const instances: PluginInstance[] = [];
  let producers: Producers;
  let encoders: Encoders;

  before(() => {
    const shared = { logger: silentLogger(), metrics: new Registry() };
    producers = new Producers({ ...shared, kafkaClient: 'kafkajs', producerMemoryMaxBytes: 64 * 1024 * 1024 });
    encoders = createEncoders(shared);
  });
  after(async () => {
    for (const instance of instances) instance.close?.();
    await producers.close(performance.now() + 10_000);
    await encoders.close();
  });

  function create(config: Readonly<Record<string, unknown>>): PluginInstance {
    const [host, port] = (testKafka().split(',')[0] ?? '').split(':');
    const instance = instanceOf(
      kafkaUpstream.create(buildConfig({ bootstrap_servers: [{ host, port: Number(port) }], ...config }), {
        ...alone(silentLogger()),
        producers,
        encoders,
        lua: noLua,
        certificates: noCertificates,
        credentials: noCredentials,
        metrics: noMetrics,
        log: silentLogger(),
        env: {},
        requestBodyMaxBytes: 1024 * 1024,
      }),
    );
    instances.push(instance);
    return instance;
  }

  async function send(instance: PluginInstance, body: string, query = ''): Promise<Answer | RequestError> {
    const exchange: Exchange = {
      receivedAtMs: performance.now(),
      requestId: 'r',
      protocol: 'http',
      method: 'POST',
      target: `/?${query}`,
      receivedTarget: `/?${query}`,
      path: '/',
      query,
      host: '',
      port: 80,
      sni: undefined,
      headers: new HeaderList(['content-type', 'application/json', 'traceparent', '00-a-b-01']),
      clientAddress: '',
      route: undefined,
      consumer: undefined,
      credential: undefined,
      span: undefined,
      peerAddress: '127.0.0.1',
      isPeerTrusted: false,
      httpVersion: '1.1',
      upstreamLatencyMs: undefined,
      readBody: () => Promise.resolve(Buffer.from(body)),
      openBody: () => null,
      rewriteQuery: () => undefined,
      rewriteBody: () => undefined,
      onGone: () => undefined,
      inform: () => undefined,
    };
    try {
      const answer = await instance.access?.(exchange);
      if (answer === undefined) throw new Error('no answer');
      return answer;
    } catch (error) {
      if (error instanceof RequestError) return error;
      throw error;
    }
  }

  it('writes the envelope, with key and trace, and says where', async () => {
    const topic = await createTopic('envelope');
    const answer = await send(create({ topic, key_query_arg: 'k' }), '{"id":9007199254740993}', 'k=7');
    expect(answer).to.deep.include({
      status: 200,
      body: `{"message":"message sent","outcome":"acked","records":[{"topic":"${topic}","partition":0,"offset":"0"}]}`,
    });
    const [record, ...others] = await readTopic(topic);
    expect(others).to.have.length(0);
    expect(record?.value?.toString()).to.equal(
      '{"body":"{\\"id\\":9007199254740993}","body_args":{"id":9007199254740993}}',
    );
    expect([record?.key?.toString(), String(record?.headers['traceparent'])]).to.deep.equal(['7', '00-a-b-01']);
  });

  it('writes Avro with the id of the registry, and nothing that does not fit', async () => {
    const topic = await createTopic('avro');
    const id = await registerAvro(`${topic}-value`, schema);
    const confluent = { url: testRegistry(), subject_name_strategy: 'topic', value_schema: {} };
    const instance = create({ topic, record_value: 'body', schema_registry: { confluent } });
    expect(await send(instance, '{"id":1,"note":"ü"}')).to.deep.include({ status: 200 });
    const refused = await send(instance, '{"id":"x","more":1}');
    expect(refused).to.deep.include({ status: 422, code: 'SCHEMA_VALIDATION_FAILED', outcome: 'rejected' });
    expect(refused).to.have.property('details').that.has.length(2);

    const records = await readTopic(topic);
    expect(records).to.have.length(1);
    const value = records[0]?.value ?? Buffer.alloc(5);
    expect([value[0], value.readUInt32BE(1)]).to.deep.equal([0, id]);
    expect(avro.Type.forSchema(schema).fromBuffer(value.subarray(5))).to.deep.include({ id: 1, note: 'ü' });
  });

  it('writes JSON by its schema under a key by another, to the topic that the request makes', async () => {
    const topic = await createTopic('made');
    const valueId = await registerJson(`${topic}-value`, {
      $schema: 'http://json-schema.org/draft-07/schema#',
      type: 'object',
      required: ['id'],
    });
    const keyId = await registerAvro(`${topic}-key`, 'long');
    const confluent = { url: testRegistry(), subject_name_strategy: 'topic', value_schema: {}, key_schema: {} };
    const instance = create({
      topic: 'never-there',
      topic_template: 'made-${query.rest}',
      allowed_topics: ['made-*'],
      key_from: { body_pointer: '/id' },
      headers: { forward_all_by_default: true, exclude_headers: ['content-type'] },
      record_value: 'body',
      schema_registry: { confluent },
    });
    const query = `rest=${topic.slice('made-'.length)}`;
    const body = '{ "id": 9007199254740993 }';
    expect(await send(instance, body, query)).to.deep.include({ status: 200 });
    expect(await send(instance, '{"id":"x"}', query)).to.deep.include({
      status: 422,
      message: 'The record key does not fit its schema.',
    });
    expect(await send(instance, '{"id":1.5}', 'rest=..%2F')).to.deep.include({ status: 400, code: 'TOPIC_INVALID' });
    const [record, ...others] = await readTopic(topic);
    expect(others).to.have.length(0);
    const { key, value } = { key: record?.key ?? Buffer.alloc(5), value: record?.value ?? Buffer.alloc(5) };
    expect([key.readUInt32BE(1), value.readUInt32BE(1)]).to.deep.equal([keyId, valueId]);
    expect(key.subarray(5).toString('hex')).to.equal('8280808080808020');
    expect(value.subarray(5).toString()).to.equal(body);
    expect(Object.keys(record?.headers ?? {})).to.deep.equal(['traceparent']);
  });

  it('says that a topic is not there: the operator or the client may be wrong', async () => {
    const missing = `missing-${randomUUID()}`;
    expect(await send(create({ topic: missing }), '{}')).to.deep.include({
      status: 502,
      code: 'TOPIC_NOT_FOUND',
      outcome: 'not_sent',
      retryable: true,
    });
    const topic = await createTopic('named');
    const instance = create({ topic, topics_query_arg: 't', allowed_topics: [missing] });
    expect(await send(instance, '{}', `t=${missing}`)).to.deep.include({
      status: 404,
      code: 'TOPIC_NOT_FOUND',
      outcome: 'rejected',
      retryable: false,
    });
    const partial = await send(instance, '{}', `t=${missing},${topic}`);
    expect(partial).to.have.property('body').that.includes('"outcome":"partial"').and.includes('"offset":"0"');
    expect(await readTopic(topic)).to.have.length(1);
  });

  it('says that no broker can be reached, inside the delivery timeout', async () => {
    const instance = create({ topic: 't', bootstrap_servers: [{ host: '127.0.0.1', port: 1 }], delivery_timeout: 500 });
    const startedAtMs = performance.now();
    expect(await send(instance, '{}')).to.deep.include({ status: 503, code: 'KAFKA_UNAVAILABLE', outcome: 'not_sent' });
    expect(performance.now() - startedAtMs).to.be.lessThan(1_500);
  });
});
