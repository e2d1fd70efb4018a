import { expect } from 'chai';
import { NodeState } from '../../../data-plane/plugin-api/node-state.ts';
import { plugins } from '../../../data-plane/plugins/plugins.ts';
import { buildRuntime, type PluginTable } from '../../../data-plane/runtime/build-runtime.ts';
import { createLiveCredentials } from '../../../data-plane/runtime/live-credentials.ts';
import { PluginInstances } from '../../../data-plane/runtime/plugin-instances.ts';
import { RuntimeHolder } from '../../../data-plane/runtime/runtime-holder.ts';
import { RouteMeter } from '../../../data-plane/status/route-meter.ts';
import { createTrials, type RunTrial } from '../../../data-plane/trial/run-trial.ts';
import { silentLogger } from '../../../shared/log.ts';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import { createSnapshot } from '../../../shared/snapshot.ts';
import { noLua, noMetrics } from '../../helpers/plugins.ts';
import { checkedEntities, type Bodies } from '../plugins/guard-fixture.ts';
import { Fakes } from '../plugins/kafka-upstream/plugin-fakes.ts';
import { noServices } from '../runtime/service-fixture.ts';

const routeId = '11111111-1111-4111-8111-111111111111';
const consumerId = '33333333-3333-4333-8333-333333333333';
const route = { id: routeId, name: 'orders', paths: ['/orders'], methods: ['POST'] };
const kafka = {
  bootstrap_servers: [{ host: 'kafka', port: 9092 }],
  cluster_name: 'main',
  topic: 'orders',
  record_value: 'body',
};
const upstream = (config: object = {}) => ({
  name: 'kafka-upstream',
  route: { id: routeId },
  config: { ...kafka, ...config },
});

// The bodies of trials are read without ceremony.
// oxlint-disable-next-line typescript/no-explicit-any
type Body = any;

describe('a trial', () => {
  let fakes: Fakes;
  let holder: RuntimeHolder;
  let runTrial: RunTrial;
  const meter = new RouteMeter('orders');

  beforeEach(() => {
    fakes = new Fakes();
    const credentials = createLiveCredentials();
    const pluginDeps = {
      producers: fakes.producers,
      encoders: fakes.encoders,
      lua: noLua,
      credentials,
      log: silentLogger(),
      metrics: noMetrics,
      nodeState: new NodeState({ log: silentLogger(), metrics: noMetrics }),
      env: { PASSWORD: 'from-env' },
      requestBodyMaxBytes: 1_000,
    };
    // The table's handlers take the config that their schemas checked.
    const table = plugins as unknown as PluginTable;
    const instances = new PluginInstances();
    holder = new RuntimeHolder({
      logger: silentLogger(),
      build: (snapshot, live) =>
        buildRuntime(snapshot, {
          live,
          plugins: table,
          pluginSchemas,
          pluginDeps,
          instances,
          services: noServices(),
          meterOf: () => meter,
        }),
      onApplied: () => {
        if (holder.current !== undefined) credentials.use(holder.current.credentials);
      },
    });
    runTrial = createTrials({
      holder,
      plugins: table,
      pluginSchemas,
      pluginDeps,
      producers: { partitionOfKnown: (servers) => (servers[0]?.host === 'kafka' ? 2 : undefined) },
      encoders: { acquireKnown: () => undefined },
      requestBodyMaxBytes: 1_000,
      logger: silentLogger(),
    });
  });
  afterEach(() => holder.close());

  const apply = async (bodies: Bodies) => {
    const result = await holder.apply(createSnapshot(checkedEntities(bodies)));
    expect(result.kind).to.equal('applied');
  };
  const tried = async (input: object, status = 200): Promise<Body> => {
    const result = await runTrial({ path: '/orders', ...input });
    expect(result.status, JSON.stringify(result.body)).to.equal(status);
    return result.body;
  };
  const steps = (body: Body) =>
    body.steps.map(({ plugin, did }: { plugin: string; did: string }) => `${plugin} ${did}`);

  it('says which route matches and why, and shows the record, and sends nothing', async () => {
    await apply({
      routes: [route],
      plugins: [upstream({ key_from: { header: 'x-key' }, headers: { include_headers: ['x-source'] } })],
    });
    const body = await tried({ headers: { 'x-key': 'k1', 'x-source': 'shop' }, body: { amount: 5 } });
    expect(body.route).to.deep.equal({ id: routeId, name: 'orders', service: null });
    expect(body.why).to.deep.equal(["path: /orders begins with '/orders'", 'host: any', 'method: POST']);
    expect(steps(body)).to.deep.equal(['kafka-upstream answered']);
    expect(body.records).to.have.length(1);
    const [record] = body.records;
    expect(record).to.deep.include({ topic: 'orders', cluster: 'main', partition: null });
    expect(record.key).to.deep.include({ text: 'k1', bytes: 2 });
    expect(record.value).to.deep.include({ text: '{"amount":5}', json: { amount: 5 }, bytes: 12 });
    expect(record.headers).to.deep.include({ name: 'x-source', value: 'shop' });
    expect(body.answer).to.include({ status: 200, outcome: 'accepted' });
    expect(fakes.sent).to.deep.equal([]);
    expect(fakes.refused).to.deep.equal([]);
    expect(meter.answers).to.equal(0);
  });

  it('shows the answer that a client would get', async () => {
    await apply({
      routes: [route],
      plugins: [
        upstream({
          schema_registry: {
            confluent: { url: 'http://registry:8081', value_schema: { subject_name: 's', schema_version: '1' } },
          },
          topic: 'bad',
        }),
      ],
    });
    const refused = await tried({ body: { amount: 'x' } });
    expect(refused.answer).to.include({ status: 422, code: 'SCHEMA_VALIDATION_FAILED', outcome: 'rejected' });
    expect(refused.steps[0]).to.include({ did: 'refused', note: 'SCHEMA_VALIDATION_FAILED: no' });
    expect(refused.records).to.deep.equal([]);
    expect(fakes.refused, 'no record counts').to.deep.equal([]);
    const unmatched = await tried({ path: '/nothing?x=1' });
    expect(unmatched).to.deep.include({ route: null, records: [], steps: [] });
    expect(unmatched.answer.status).to.equal(404);
    expect(unmatched.why[0]).to.contain('POST /nothing');
    expect((await tried({ body: 'x'.repeat(1_001) })).answer).to.include({ status: 413, code: 'BODY_TOO_LARGE' });
  });

  it('runs the plugins in their order, and those behind an answer are not reached', async () => {
    await apply({
      routes: [route],
      consumers: [{ id: consumerId, username: 'alice' }],
      keyauth_credentials: [{ key: 'secret-key', consumer: { id: consumerId } }],
      plugins: [upstream(), { name: 'key-auth', config: {} }, { name: 'correlation-id', config: {} }],
    });
    const without = await tried({});
    expect(steps(without)).to.deep.equal(['correlation-id went on', 'key-auth answered', 'kafka-upstream not reached']);
    expect(without.answer.status).to.equal(401);
    const withKey = await tried({ headers: { apikey: 'secret-key' } });
    expect(steps(withKey)).to.deep.equal(['correlation-id went on', 'key-auth went on', 'kafka-upstream answered']);
    const standIn = await tried({ as_consumer: 'alice' });
    expect(steps(standIn)).to.deep.equal(['correlation-id went on', 'key-auth skipped', 'kafka-upstream answered']);
    expect((await tried({ as_consumer: 'bob' })).notes).to.deep.equal(["The node knows no consumer 'bob'"]);
  });

  it('skips plugins that count or send', async () => {
    await apply({
      routes: [route],
      plugins: [
        upstream(),
        { name: 'kafka-log', config: { bootstrap_servers: kafka.bootstrap_servers, topic: 'log' } },
      ],
    });
    const body = await tried({});
    expect(steps(body)).to.include('kafka-log skipped');
    expect(fakes.sent).to.deep.equal([]);
  });

  it('tries a plugin that is not saved in place of the saved one', async () => {
    await apply({ routes: [route], plugins: [upstream()] });
    const acquired = fakes.acquired.length;
    const known = await tried({
      plugin: { name: 'kafka-upstream', config: { ...kafka, topic: 'other', key_from: { header: 'k' } } },
      headers: { k: '1' },
    });
    expect(known.records[0]).to.deep.include({ topic: 'other', partition: 2 });
    expect(known.notes).to.deep.equal([]);
    const config = {
      ...kafka,
      bootstrap_servers: [{ host: 'elsewhere', port: 9092 }],
      authentication: { strategy: 'sasl', mechanism: 'PLAIN', user: 'u', password: '{vault://env/password}' },
      schema_registry: {
        confluent: { url: 'http://new:8081', value_schema: { subject_name: 's', schema_version: '1' } },
      },
    };
    const unknown = await tried({ plugin: { name: 'kafka-upstream', config }, body: { a: 1 } });
    expect(unknown.records[0].value.json).to.deep.equal({ a: 1 });
    expect(unknown.notes.join('; '))
      .to.contain('new:8081 is not known to this node')
      .and.contain('main is not known to this node');
    expect(JSON.stringify(unknown)).to.not.contain('from-env');
    expect(fakes.acquired, 'no connection was asked for').to.have.length(acquired);
    const masked = await tried({
      plugin: {
        name: 'kafka-upstream',
        config: { ...config, authentication: { ...config.authentication, password: '******:0123456789ab' } },
      },
    });
    expect(masked.records).to.have.length(1);
  });

  it('names the faults of a plugin that is not saved', async () => {
    await apply({ routes: [route], plugins: [upstream()] });
    const bad = await tried({ plugin: { name: 'kafka-upstream', config: { topic: 5 } } }, 400);
    expect(bad.faults.map(({ field }: { field: string }) => field)).to.include('plugin.config.topic');
    const none = await tried({ plugin: { name: 'toString', config: {} } }, 400);
    expect(none.faults[0].message).to.contain('not available');
  });

  it('refuses what is no sample request, and more than two at once', async () => {
    expect((await runTrial({ path: '/' })).status, 'no configuration yet').to.equal(503);
    await apply({ routes: [route], plugins: [upstream()] });
    for (const input of [null, 'x', { path: 'orders' }, { path: '/a', headers: { a: 1 } }, { path: '/a', what: 1 }]) {
      expect((await runTrial(input)).status, JSON.stringify(input)).to.equal(400);
    }
    const statuses = (await Promise.all([1, 2, 3].map(() => runTrial({ path: '/orders' })))).map(
      ({ status }) => status,
    );
    expect(statuses.sort((a, b) => a - b)).to.deep.equal([200, 200, 429]);
  });

  it('cuts values so that the answer stays small', async () => {
    await apply({ routes: [route], plugins: [upstream({ topics_query_arg: 't', allowed_topics: ['t*'] })] });
    const topics = Array.from({ length: 8 }, (_one, n) => `t${n}`).join(',');
    const body = await tried({ path: `/orders?t=${topics}`, body: 'x'.repeat(900) });
    expect(body.records).to.have.length(8);
    expect(JSON.stringify(body).length).to.be.below(256 * 1024);
  });

  it('shows each record of a body with many', async () => {
    await apply({ routes: [route], plugins: [upstream({ records_from: 'json_array' })] });
    const body = await tried({ body: [{ a: 1 }, { a: 2 }, { a: 3 }], headers: { 'content-type': 'application/json' } });
    expect(body.answer, JSON.stringify(body)).to.include({ status: 200 });
    expect(body.records.map((record: Body) => record.value.json)).to.deep.equal([{ a: 1 }, { a: 2 }, { a: 3 }]);
    expect(fakes.sent).to.deep.equal([]);
  });
});
