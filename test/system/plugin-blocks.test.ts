import { randomUUID } from 'node:crypto';
import avro from 'avsc';
import { expect } from 'chai';
import type { KafkaCluster } from '../../control-plane/cli/services/kafka-cluster.ts';
import { admin, adminOk, bootstrapServers } from '../helpers/admin.ts';
import { Closing } from '../helpers/closing.ts';
import { freePort } from '../helpers/free-port.ts';
import { createTopic, readTopic, testKafka } from '../helpers/kafka.ts';
import { order, orderSchema } from '../helpers/order-schema.ts';
import { post, postRaw, type PostAnswer } from '../helpers/post.ts';
import { registerAvro, testRegistry } from '../helpers/registry.ts';
import {
  type ControlPlaneProcess,
  type DataPlaneProcess,
  runControlPlane,
  runDataPlane,
} from '../helpers/sluice-process.ts';
import { allow } from '../helpers/kafka-admin.ts';
import { sharedBrokers, sharedPassword, sharedUser } from '../helpers/shared-brokers.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { waitFor } from '../helpers/wait-for.ts';

type Values = Readonly<Record<string, unknown>>;

/** All fields as Kong and decK write a plugin out, each with Kong's default; a test says what it sets. */
function exported(fields: Values): Values {
  return {
    allowed_topics: null,
    authentication: { mechanism: null, password: null, strategy: null, tokenauth: null, user: null },
    cluster_name: null,
    forward_body: true,
    forward_headers: false,
    forward_method: false,
    forward_uri: false,
    keepalive: 60_000,
    keepalive_enabled: false,
    key_query_arg: null,
    message_by_lua_functions: null,
    producer_async: true,
    producer_async_buffering_limits_messages_in_memory: 50_000,
    producer_async_flush_timeout: 1_000,
    producer_request_acks: 1,
    producer_request_limits_bytes_per_request: 1_048_576,
    producer_request_limits_messages_per_request: 200,
    producer_request_retries_backoff_timeout: 100,
    producer_request_retries_max_attempts: 10,
    producer_request_timeout: 2_000,
    schema_registry: { confluent: null },
    security: { certificate_id: null, ssl: null, ssl_verify: null },
    timeout: 10_000,
    topics_query_arg: null,
    ...fields,
  };
}

/** An entry of the log topic, as its readers parse it. */
interface Entry {
  readonly request: Values;
  readonly response: Values;
  readonly route: { readonly name: string };
  readonly service?: Values;
}

describe('plugin blocks in the form of Kong and decK', function () {
  this.timeout(120_000);
  const closing = new Closing();
  let controlPlane: ControlPlaneProcess;
  let node: DataPlaneProcess;
  let secured: KafkaCluster;
  let topic: string;
  let other: string;
  const brokers = () => bootstrapServers(testKafka());

  before(async () => {
    const temp = await tempFolder();
    closing.add(() => temp.remove());
    secured = await sharedBrokers();
    topic = await createTopic('blocks');
    other = await createTopic('blocks-other');
    controlPlane = await runControlPlane({ folder: temp.path });
    closing.add(() => controlPlane.stop());
    node = await runDataPlane({
      folder: `${temp.path}/node`,
      controlPlane: controlPlane.cluster,
      env: { KAFKA_PASSWORD: sharedPassword },
    });
    closing.add(() => node.stop());
  });
  after(() => closing.close());

  /** A route with a plugin, applied; resolves to the route's URL. */
  async function serve(name: string, plugin: Values, route: Values = {}): Promise<string> {
    await adminOk(controlPlane.admin, 'PUT', `/routes/${name}`, { name, paths: [`/${name}`], ...route });
    await adminOk(controlPlane.admin, 'POST', `/routes/${name}/plugins?wait=applied&timeout=20s`, plugin);
    return `${node.proxy}/${name}`;
  }

  const upstream = (fields: Values): Values => ({
    name: 'kafka-upstream',
    enabled: true,
    protocols: ['grpc', 'grpcs', 'http', 'https'],
    config: exported({ bootstrap_servers: brokers(), topic, ...fields }),
  });

  async function valuesOf(of: string, where = testKafka()): Promise<string[]> {
    return (await readTopic(of, where)).map(({ value }) => String(value));
  }

  /** A thread that a busy machine keeps from running is ended like one that loops: such an answer is asked again. */
  function postUntilLuaRan(url: string, body: unknown): Promise<PostAnswer> {
    const ask = async (): Promise<PostAnswer | undefined> => {
      const answer = await post(url, body);
      return answer.body.code === 'LUA_ERROR' ? undefined : answer;
    };
    return waitFor(ask, { what: 'an answer of Lua', timeoutMs: 30_000 });
  }

  it('as exported: accepted at once, the envelope in the topic', async () => {
    const url = await serve('exported', upstream({ topic: await createTopic('exported') }));
    const answer = await post(url, { id: 'a' });
    expect([answer.status, answer.body]).to.deep.equal([200, { message: 'message sent', outcome: 'accepted' }]);
    const { config } = (await adminOk(controlPlane.admin, 'GET', '/routes/exported/plugins')).data?.[0] ?? {};
    const topicName = (config as { topic: string }).topic;
    const values = await waitFor(async () => (await valuesOf(topicName))[0], { what: 'the record' });
    expect(JSON.parse(values)).to.deep.equal({ body: '{"id":"a"}', body_args: { id: 'a' } });
  });

  it('a schema registry: a value that fits is framed Avro, another one is refused', async () => {
    const subject = `blocks-${randomUUID()}`;
    const schemaId = await registerAvro(subject, orderSchema);
    const own = await createTopic('blocks-schema');
    const confluent = {
      url: testRegistry(),
      ttl: 3_600,
      ssl_verify: true,
      authentication: { mode: 'none', basic: null, oauth2: null, oauth2_client: null },
      key_schema: null,
      value_schema: { subject_name: subject, schema_version: 'latest' },
    };
    const fields = { topic: own, schema_registry: { confluent }, producer_async: false };
    const takesBody = ['return function(message) return message.body end'];
    const url = await serve('schema', upstream({ ...fields, message_by_lua_functions: takesBody }));
    expect((await post(url, order)).body.outcome).to.equal('acked');
    const refused = await post(url, { ...order, quantity: 'many' });
    expect([refused.status, refused.body.code]).to.deep.equal([422, 'SCHEMA_VALIDATION_FAILED']);
    const [record, ...more] = await readTopic(own);
    expect(more).to.deep.equal([]);
    expect(record?.value?.readUInt8(0)).to.equal(0);
    expect(record?.value?.readInt32BE(1)).to.equal(schemaId);
    const type = avro.Type.forSchema(orderSchema as avro.Schema);
    expect(type.toString(type.fromBuffer(record?.value?.subarray(5) ?? Buffer.alloc(0)))).to.equal(
      type.toString(order),
    );
  });

  it('SASL: SCRAM-SHA-512 with a password that only the node knows', async () => {
    const own = await createTopic('blocks-sasl', { brokers: secured.internalServers });
    await allow({ user: sharedUser, topic: own }, secured.internalServers);
    const authentication = {
      strategy: 'sasl',
      mechanism: 'SCRAM-SHA-512',
      tokenauth: false,
      user: sharedUser,
      password: '{vault://env/KAFKA_PASSWORD}',
    };
    const servers = bootstrapServers(secured.bootstrapServers);
    const fields = { bootstrap_servers: servers, topic: own, authentication, producer_async: false };
    const url = await serve('sasl', upstream(fields));
    expect((await post(url, { id: 's' })).body.outcome).to.equal('acked');
    expect(await valuesOf(own, secured.internalServers)).to.have.length(1);
  });

  it("a message format of one's own: functions fold over the envelope", async () => {
    const own = await createTopic('blocks-lua');
    const fields = {
      topic: own,
      producer_async: false,
      forward_method: true,
      message_by_lua_functions: [
        'return function(message)\n  message.body_args.method = message.method:lower()\n  return message.body_args\nend',
        'return function(args)\n  if args.fail then error(args.fail) end\n  return { id = args.id, method = args.method, tags = args.tags, at = cjson.null }\nend',
      ],
    };
    const url = await serve('lua', upstream(fields));
    const answer = await postUntilLuaRan(url, { id: 9_007_199_254_740_991, tags: [], more: 'dropped' });
    expect(answer.body.outcome).to.equal('acked');
    expect(await valuesOf(own)).to.deep.equal(['{"at":null,"id":9007199254740991,"method":"post","tags":[]}']);
    const failed = await post(url, { fail: 'secret reason' });
    expect(JSON.stringify(failed.body)).not.to.include('secret reason');
    expect([failed.status, failed.body.code, failed.body.outcome]).to.deep.equal([500, 'LUA_ERROR', 'not_sent']);
  });

  it('several topics: those that are allowed, each once, all or none', async () => {
    const fields = { topics_query_arg: 'topic-list', allowed_topics: [other, topic], producer_async: false };
    const url = await serve('topics', upstream(fields));
    const answer = await post(`${url}?topic-list=${topic},${other},${topic}`, { id: 't' });
    expect(answer.body.records?.map((record) => record.topic).toSorted()).to.deep.equal([topic, other].toSorted());
    const refused = await post(`${url}?topic-list=${other},elsewhere`, { id: 't' });
    expect([refused.status, refused.body.code]).to.deep.equal([403, 'TOPIC_NOT_ALLOWED']);
    const unnamed = await post(url, { id: 'u' });
    expect(unnamed.body.records?.map((record) => record.topic)).to.deep.equal([topic]);
    expect(await valuesOf(other)).to.have.length(1);
  });

  it('Lua that does not parse is refused when it is written, with its line', async () => {
    await adminOk(controlPlane.admin, 'PUT', '/routes/refused', { name: 'refused', paths: ['/refused'] });
    const source = 'return function(message)\n  return { id = }\nend';
    const plugin = upstream({ message_by_lua_functions: [source] });
    const { status, body } = await admin(controlPlane.admin, 'POST', '/routes/refused/plugins', plugin);
    expect([status, body['fields']]).to.deep.equal([
      400,
      { config: { message_by_lua_functions: ["line 2: unexpected symbol near '}'"] } },
    ]);
  });

  it("Lua that only the compiler refuses shows as the node's rejection, while it serves on", async () => {
    const url = await serve('before', upstream({ producer_async: false, topic }));
    await adminOk(controlPlane.admin, 'PUT', '/routes/late', { name: 'late', paths: ['/late'] });
    const source = 'local done <const> = 1\ndone = 2\nreturn function(message) return message end';
    const made = await adminOk(
      controlPlane.admin,
      'POST',
      '/routes/late/plugins',
      upstream({ message_by_lua_functions: ['return function(m) return m end', source] }),
    );
    const rejection = await waitFor(
      async () => {
        const { data = [] } = await adminOk(controlPlane.admin, 'GET', '/clustering/data-planes');
        return (
          JSON.stringify(data[0]?.['rejected'] ?? '').includes('message_by_lua_functions') && data[0]?.['rejected']
        );
      },
      { what: 'the rejection', timeoutMs: 20_000 },
    );
    const text = JSON.stringify(rejection);
    expect(text).to.include('config.message_by_lua_functions.2').and.to.include('line 2: attempt to assign to const');
    expect(text).to.include(made.id);
    expect((await post(url, { id: 'b' })).body.outcome).to.equal('acked');
    await adminOk(controlPlane.admin, 'DELETE', `/plugins/${made.id}?wait=applied&timeout=20s`);
  });

  describe('kafka-log', () => {
    let log: string;
    const logPlugin = (fields: Values): Values => ({
      name: 'kafka-log',
      config: { bootstrap_servers: brokers(), topic: log, custom_fields_by_lua: null, producer_async: true, ...fields },
    });
    const entries = async (): Promise<Entry[]> => (await valuesOf(log)).map((value) => JSON.parse(value) as Entry);

    before(async () => {
      log = await createTopic('blocks-log');
    });

    it('has an entry for each request of its routes, whoever answered', async () => {
      const own = await createTopic('blocks-logged');
      const url = await serve('logged', upstream({ topic: own, producer_async: false }));
      const service = await adminOk(controlPlane.admin, 'PUT', '/services/away', { url: 'http://127.0.0.1:1' });
      const proxied = await serve('proxied', logPlugin({}), { service: { id: service.id } });
      await adminOk(controlPlane.admin, 'POST', '/routes/logged/plugins?wait=applied&timeout=20s', logPlugin({}));
      const answer = await postRaw(`${url}?x=1`, '{"id":1}', {
        'content-type': 'application/json',
        authorization: 'Bearer planted-secret',
      });
      expect(answer.body.outcome).to.equal('acked');
      await post(proxied, {});
      const found = await waitFor(async () => ((await entries()).length === 2 ? entries() : undefined), {
        what: 'both entries',
        timeoutMs: 20_000,
      });
      const [first, second] = found.toSorted((a, b) => a.route.name.localeCompare(b.route.name));
      expect(first).to.have.nested.include({
        'request.method': 'POST',
        'request.uri': '/logged?x=1',
        'request.querystring.x': '1',
        'request.headers.authorization': 'REDACTED',
        'response.status': 200,
        'latencies.proxy': -1,
        client_ip: '127.0.0.1',
        'route.name': 'logged',
      });
      expect(second).to.have.nested.include({ 'route.name': 'proxied', 'service.id': service.id });
      expect(second?.response).to.have.property('status').that.is.above(499);
      expect(JSON.stringify(found)).not.to.include('planted-secret');
    });

    it('bound to nothing, has an entry for a request without a route too', async () => {
      const own = await createTopic('blocks-log-all');
      const plugin = logPlugin({ topic: own });
      const made = await adminOk(controlPlane.admin, 'POST', '/plugins?wait=applied&timeout=20s', plugin);
      expect((await post(`${node.proxy}/nowhere`, {})).status).to.equal(404);
      const text = await waitFor(async () => (await valuesOf(own))[0], { what: 'the entry', timeoutMs: 20_000 });
      const entry: unknown = JSON.parse(text);
      expect(entry).to.have.nested.include({ 'request.uri': '/nowhere', 'response.status': 404 });
      expect(entry).to.not.have.any.keys('route', 'service');
      await adminOk(controlPlane.admin, 'DELETE', `/plugins/${made.id}?wait=applied&timeout=20s`);
    });

    it('never delays or fails a request, and counts what it loses', async () => {
      const own = await createTopic('blocks-unlogged');
      const url = await serve('unlogged', upstream({ topic: own, producer_async: false }));
      const deaf = [{ host: '127.0.0.1', port: await freePort() }];
      const plugin = logPlugin({ bootstrap_servers: deaf, delivery_timeout: 3_000, cluster_name: 'deaf' });
      await adminOk(controlPlane.admin, 'POST', '/routes/unlogged/plugins?wait=applied&timeout=20s', plugin);
      const answers = await Promise.all(Array.from({ length: 5 }, () => post(url, {})));
      for (const { body, ms } of answers) {
        expect(body.outcome).to.equal('acked');
        expect(ms).to.be.below(3_000);
      }
      const lost = async (): Promise<boolean> =>
        /^sluice_kafka_async_lost_total\{cluster="deaf",topic="[^"]*"\} 5$/m.test(
          await (await fetch(`${node.status}/metrics`)).text(),
        );
      await waitFor(lost, { what: 'the losses in the metrics', timeoutMs: 20_000 });
    });
  });
});
