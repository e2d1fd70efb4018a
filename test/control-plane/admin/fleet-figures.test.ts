import { expect } from 'chai';
import type { TrafficSubject, TryAnswer } from '../../../control-plane/admin/clustering.ts';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import { startAdmin, type AdminFixture } from './admin-fixture.ts';

const nodeId = '00000000-0000-4000-8000-000000000001';
const destination = (kind: string, name: string) => ({
  kind,
  name,
  state: 'reachable',
  nodes: { reachable: 1, unreachable: 0, untested: 0 },
  errors: [],
});

describe('the Admin API: what nodes tell', () => {
  let admin: AdminFixture;
  const asked: { subject: TrafficSubject; sinceMs: number }[] = [];
  let routes: object[] | undefined;
  const tries: string[] = [];
  let answer: TryAnswer = { kind: 'offline' };
  before(async () => {
    admin = await startAdmin(
      {},
      {
        plugins: pluginSchemas,
        clustering: {
          listDataPlanes: () => [],
          getDataPlane: (id) => (id === nodeId ? { id } : undefined),
          status: () => ({}),
          forgetDataPlane: () => 'unknown',
          adoptDatabase: () => [],
          tryRequest: async (id, json) => {
            tries.push(json.toString());
            return id === nodeId ? answer : { kind: 'unknown' };
          },
          history: (id) => (id === nodeId ? [{ at: 1, from: 'pending', state: 'in_sync' }] : undefined),
          destinations: () => [
            destination('cluster', 'orders'),
            destination('topic', 'orders/o'),
            destination('registry', 'registry:8081'),
            destination('cluster', 'gone'),
          ],
          traffic(subject, sinceMs) {
            asked.push({ subject, sinceMs });
            return { nodes_counted: 1, nodes_connected: 2, ...(routes && { routes }) };
          },
          onStateChange: () => () => undefined,
        },
      },
    );
  });
  after(() => admin.close());

  it('lists the last changes of a node', async () => {
    const { status, body } = await admin.call('GET', `/clustering/data-planes/${nodeId.toUpperCase()}/history`);
    expect([status, body]).to.deep.equal([200, { data: [{ at: 1, from: 'pending', state: 'in_sync' }], next: null }]);
    for (const id of ['none', nodeId.replace('1', '2')]) {
      expect((await admin.call('GET', `/clustering/data-planes/${id}/history`)).status).to.equal(404);
    }
  });

  it('tells which plugins need a destination', async () => {
    const route = (await admin.call('PUT', '/routes/orders', { paths: ['/orders'] })).body;
    const config = {
      cluster_name: 'orders',
      bootstrap_servers: [{ host: 'kafka', port: 9092 }],
      topic: 'o',
      record_value: 'body',
      schema_registry: {
        confluent: { url: 'http://registry:8081', value_schema: { subject_name: 'o', schema_version: '1' } },
      },
    };
    const plugin = (await admin.call('POST', '/routes/orders/plugins', { name: 'kafka-upstream', config })).body;
    await admin.call('POST', '/plugins', {
      name: 'kafka-log',
      enabled: false,
      config: { ...config, schema_registry: null },
    });
    const user = { plugin: plugin.id, plugin_name: 'kafka-upstream', route: route.id, service: null };
    const { body } = await admin.call('GET', '/clustering/destinations');
    expect(body.next).to.equal(null);
    const used = body.data.map((one: Record<string, unknown>) => [one['name'], one['used_by'], one['used_by_total']]);
    expect(used).to.deep.equal([
      ['orders', [user], 1],
      ['orders/o', [user], 1],
      ['registry:8081', [user], 1],
      ['gone', [], 0],
    ]);
    await admin.call('DELETE', `/plugins/${plugin.id}`);
    expect((await admin.call('GET', '/clustering/destinations')).body.data[0].used_by_total).to.equal(0);
    await admin.call('DELETE', '/routes/orders');
  });

  it('asks for the traffic of all, a route or a node', async () => {
    const route = (await admin.call('PUT', '/routes/r', { paths: ['/r'] })).body;
    const rows: readonly (readonly [query: string, subject: TrafficSubject])[] = [
      ['', { kind: 'all' }],
      ['?route=r', { kind: 'route', id: route.id }],
      [`?route=${route.id}`, { kind: 'route', id: route.id }],
      ['?route=unmatched', { kind: 'route', id: 'unmatched' }],
      ['?route=others', { kind: 'route', id: 'others' }],
      [`?node=${nodeId}`, { kind: 'node', id: nodeId }],
    ];
    for (const [query, subject] of rows) {
      const { status, body } = await admin.call('GET', `/clustering/traffic${query}`);
      expect([status, body], query).to.deep.equal([200, { nodes_counted: 1, nodes_connected: 2 }]);
      expect(asked.at(-1)?.subject).to.deep.equal(subject);
      expect(asked.at(-1)?.sinceMs).to.be.closeTo(Date.now() - 900_000, 5_000);
    }
    routes = [{ id: route.id }, { id: 'unmatched' }];
    expect((await admin.call('GET', '/clustering/traffic')).body.routes).to.deep.equal([
      { id: route.id, name: 'r' },
      { id: 'unmatched', name: null },
    ]);
    routes = undefined;
    await admin.call('DELETE', '/routes/r');
  });

  it('takes a time since when, within the 15 minutes', async () => {
    const nowSeconds = Date.now() / 1_000;
    await admin.call('GET', `/clustering/traffic?since=${(nowSeconds - 60).toFixed(3)}`);
    expect(asked.at(-1)?.sinceMs).to.be.closeTo((nowSeconds - 60) * 1_000, 10);
    await admin.call('GET', '/clustering/traffic?since=0');
    expect(asked.at(-1)?.sinceMs).to.be.closeTo(Date.now() - 900_000, 5_000);
  });

  const refused: readonly (readonly [query: string, status: number])[] = [
    [`?route=r&node=${nodeId}`, 400],
    ['?since=yesterday', 400],
    ['?since=-1', 400],
    ['?route=none', 404],
    ['?node=none', 404],
    ['?node=00000000-0000-4000-8000-000000000009', 404],
  ];
  for (const [query, status] of refused) {
    it(`refuses ${query} with ${status}`, async () => {
      expect((await admin.call('GET', `/clustering/traffic${query}`)).status).to.equal(status);
    });
  }

  it('describes them in the OpenAPI document', async () => {
    const { paths } = (await admin.call('GET', '/openapi.json')).body;
    const names = paths['/clustering/traffic'].get.parameters.map(({ name }: { name: string }) => name);
    expect(names).to.deep.equal(['route', 'node', 'since']);
    expect(paths['/clustering/destinations'].get.summary).to.be.a('string');
    expect(paths['/audit/objects/{id}/revert'].post.requestBody.content['application/json'].schema.type).to.equal(
      'object',
    );
  });

  it('tries a sample request on a node, and keeps it in the audit log without secrets', async () => {
    answer = { kind: 'answered', status: 200, json: Buffer.from('{"records":[]}') };
    const sample = { path: '/a?key=hush', headers: { authorization: 'hush' }, body: { a: 'hush' } };
    const { status, body } = await admin.call('POST', `/clustering/data-planes/${nodeId}/try`, sample);
    expect([status, body]).to.deep.equal([200, { records: [] }]);
    expect(JSON.parse(tries.at(-1) ?? '')).to.deep.equal(sample);
    const [entry] = (await admin.call('GET', '/audit/objects?size=1')).body.data;
    expect(entry).to.deep.include({ operation: 'try', entity: 'data-planes', entity_id: nodeId, actor: 'anonymous' });
    expect(JSON.stringify(entry)).to.not.contain('hush');
    expect((await admin.call('POST', `/audit/objects/${entry.id}/revert`)).status).to.equal(409);
  });

  const answers: readonly (readonly [answer: TryAnswer, status: number])[] = [
    [{ kind: 'offline' }, 409],
    [{ kind: 'too_old' }, 501],
    [{ kind: 'late' }, 504],
    [{ kind: 'busy', max: 2 }, 429],
    [{ kind: 'answered', status: 400, json: Buffer.from('{"message":"x"}') }, 400],
    [{ kind: 'answered', status: 200, json: Buffer.from('[') }, 502],
  ];
  for (const [given, status] of answers) {
    it(`answers ${status} when a trial ends with ${given.kind}`, async () => {
      answer = given;
      expect((await admin.call('POST', `/clustering/data-planes/${nodeId}/try`, { path: '/' })).status).to.equal(
        status,
      );
    });
  }

  it('refuses a sample request with faults, and an unknown node', async () => {
    const { status, body } = await admin.call('POST', `/clustering/data-planes/${nodeId}/try`, {
      path: 'x',
      headers: 5,
    });
    expect([status, body.code, Object.keys(body.fields)]).to.deep.equal([400, 2, ['path', 'headers']]);
    expect((await admin.call('POST', '/clustering/data-planes/none/try', { path: '/' })).status).to.equal(404);
    const other = nodeId.replace('1', '2');
    expect((await admin.call('POST', `/clustering/data-planes/${other}/try`, { path: '/' })).status).to.equal(404);
    expect((await admin.call('POST', '/try', { path: '/' })).status, 'no node in this process').to.equal(404);
  });

  it('tries on the node of the same process, for the full token only', async () => {
    const own = await startAdmin(
      { role: 'traditional', token: 'full', tokenReadOnly: 'read' },
      { tryHere: async (input) => ({ status: 200, body: { input } }) },
    );
    const as = (token: string) => own.call('POST', '/try', { path: '/a' }, { 'kong-admin-token': token });
    expect((await as('full')).body).to.deep.equal({ input: { path: '/a' } });
    expect((await as('read')).status).to.equal(403);
    await own.close();
  });
});
