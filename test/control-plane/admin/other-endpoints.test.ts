import { expect } from 'chai';
import { proxyAddressesOf } from '../../../control-plane/admin/info-routes.ts';
import type { DataPlaneView, StateChangeView } from '../../../control-plane/admin/clustering.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { startAdmin, type AdminFixture } from './admin-fixture.ts';

/** A listener as Kong describes it. */
const listener = (address: string) => ({
  ip: address.split(':')[0],
  port: Number(address.split(':')[1]),
  ssl: false,
  http2: false,
  proxy_protocol: false,
  reuseport: false,
  listener: address,
});
const nodeId = (n: number) => `00000000-0000-4000-8000-00000000000${n}`;

describe('the Admin API: other endpoints', () => {
  let admin: AdminFixture;
  const waits: { revision: number; timeoutMs: number }[] = [];
  const stateListeners = new Set<(change: StateChangeView) => void>();
  const nodes: DataPlaneView[] = [1, 2, 3].map((n) => ({ id: nodeId(n), hostname: `node-${n}`, state: 'in_sync' }));
  before(async () => {
    admin = await startAdmin(
      {},
      {
        clustering: {
          listDataPlanes: () => nodes,
          getDataPlane: (id) => nodes.find((node) => node.id === id),
          status: () => ({ expected_hash: 'h', counts: { in_sync: 3 } }),
          forgetDataPlane: () => 'unknown',
          adoptDatabase: () => [],
          tryRequest: async () => ({ kind: 'unknown' as const }),
          history: () => undefined,
          destinations: () => [],
          traffic: () => ({}),
          onStateChange: (listener) => {
            stateListeners.add(listener);
            return () => void stateListeners.delete(listener);
          },
        },
        syncGate: {
          async waitApplied(revision, timeoutMs) {
            waits.push({ revision, timeoutMs });
            return 'applied; nodes=3';
          },
        },
      },
    );
  });
  after(() => admin.close());

  it('says what it is', async () => {
    await admin.call('POST', '/plugins', { name: 'sample', config: { topic: 't' } });
    const { status, body } = await admin.call('GET', '/');
    expect(status).to.equal(200);
    expect(body).to.deep.include({
      version: '3.9.1',
      edition: 'community',
      sluice_version: '0.0.0',
      plugins: {
        available_on_server: { sample: { version: '1.2.3', priority: 7 } },
        enabled_in_cluster: ['sample'],
      },
      configuration: {
        database: 'postgres',
        router_flavor: 'traditional_compatible',
        role: 'control_plane',
        admin_listeners: [listener(admin.address)],
        proxy_listeners: [],
        stream_listeners: [],
      },
    });
    expect(body.node_id).to.match(/^[0-9a-f-]{36}$/);
    expect(body.hostname).to.be.a('string').and.not.equal('');
  });

  it('tells its status', async () => {
    const { body } = await admin.call('GET', '/status');
    expect(body.server).to.have.all.keys(
      'connections_accepted',
      'connections_active',
      'connections_handled',
      'connections_reading',
      'connections_waiting',
      'connections_writing',
      'total_requests',
    );
    expect(body.server.connections_active).to.be.greaterThan(0);
    expect(body.server.total_requests).to.be.greaterThan(1);
    expect(body.memory.rss_bytes).to.be.greaterThan(1e6);
    expect(body.database).to.deep.equal({ reachable: true });
  });

  it('tells where the proxy of the same process listens, and without a database what runs', async () => {
    let hash: string | undefined;
    const node = await startAdmin(
      { role: 'dbless' },
      {
        proxyAddresses: () => proxyAddressesOf({ proxy: '127.0.0.1:8000', status: '127.0.0.1:1' }),
        configurationHash: () => hash,
      },
    );
    const { configuration } = (await node.call('GET', '/')).body;
    expect(configuration).to.include({ database: 'off', role: 'dbless' });
    expect(configuration.proxy_listeners).to.deep.equal([listener('127.0.0.1:8000')]);
    expect((await node.call('GET', '/status')).body)
      .to.include({ configuration_hash: null })
      .and.not.have.key('database');
    hash = 'abc';
    expect((await node.call('GET', '/status')).body.configuration_hash).to.equal('abc');
    await node.close();
  });

  it('says whether the node is ready', async () => {
    expect((await admin.call('GET', '/status/ready')).body).to.deep.equal({ message: 'ready' });
    const body = { message: 'not ready', reasons: ['draining'] };
    const draining = await startAdmin({}, { ready: () => ({ ready: false, body }) });
    const answer = await draining.call('GET', '/status/ready');
    expect([answer.status, answer.body]).to.deep.equal([503, body]);
    await draining.close();
  });

  it('answers the health of targets, which nobody checks', async () => {
    const { id } = (await admin.call('PUT', '/upstreams/health', {})).body;
    for (const target of ['a:1', 'b:2']) await admin.call('POST', `/upstreams/${id}/targets`, { target });
    for (const name of ['health', id]) {
      const { status, body } = await admin.call('GET', `/upstreams/${name}/health?size=1`);
      expect(status).to.equal(200);
      expect(body.data).to.have.length(1);
      expect(body.data[0]).to.include({ health: 'HEALTHCHECKS_OFF', weight: 100 });
      expect(body.next).to.match(/^\/upstreams\/.*\/health\?offset=/);
      expect(body.node_id).to.equal(admin.store.nodeId());
    }
    expect((await admin.call('GET', '/upstreams/none/health')).status).to.equal(404);
  });

  it('publishes the schema of tags', async () => {
    const { status, body } = await admin.call('GET', '/schemas/tags');
    expect(status).to.equal(200);
    expect(body.fields.map((field: object) => Object.keys(field)[0])).to.deep.equal([
      'tag',
      'entity_name',
      'entity_id',
    ]);
  });

  it('says when its database cannot be read', async () => {
    const broken = await startAdmin();
    broken.closeDatabase();
    const { status, body } = await broken.call('GET', '/status');
    expect([status, body.database]).to.deep.equal([200, { reachable: false }]);
    await broken.close();
  });

  it('lists plugins and endpoints', async () => {
    expect((await admin.call('GET', '/plugins/enabled')).body).to.deep.equal({ enabled_plugins: ['sample'] });
    expect((await admin.call('GET', '/endpoints')).body.data).to.include.members([
      '/',
      '/services',
      '/services/{id}',
      '/services/{parent}/routes/{id}',
      '/routes/{id}/service',
      '/schemas/plugins/{name}',
    ]);
  });

  it('publishes schemas as Kong does', async () => {
    const { body } = await admin.call('GET', '/schemas/services');
    const names = body.fields.map((field: object) => Object.keys(field));
    expect(names.every((keys: string[]) => keys.length === 1)).to.equal(true);
    expect(body.fields).to.deep.include.members([
      { protocol: { type: 'string', required: true, default: 'http', one_of: ['http', 'https', 'grpc', 'grpcs'] } },
      { client_certificate: { type: 'foreign', reference: 'certificates' } },
      { tls_verify_depth: { type: 'integer', between: [0, 64] } },
      { ca_certificates: { type: 'array', elements: { type: 'string', required: true, uuid: true } } },
    ]);
    expect(body.entity_checks[0]).to.deep.equal({
      conditional: {
        if_field: 'protocol',
        if_match: { not_one_of: ['http', 'https'] },
        then_field: 'path',
        then_match: { eq: null },
      },
    });
    const consumers = (await admin.call('GET', '/schemas/consumers')).body;
    expect(consumers.entity_checks).to.deep.equal([{ at_least_one_of: ['custom_id', 'username'] }]);
    expect((await admin.call('GET', '/schemas/none')).body).to.deep.equal({ message: "No entity named 'none'" });
    expect((await admin.call('GET', '/schemas/none')).status).to.equal(404);
  });

  it('publishes the schema of a plugin', async () => {
    const { body } = await admin.call('GET', '/schemas/plugins/sample');
    const [consumer, , , protocols, config] = body.fields;
    expect(consumer).to.deep.equal({
      consumer: { type: 'foreign', reference: 'consumers', on_delete: 'cascade', eq: null },
    });
    expect(protocols.protocols).to.include({ type: 'set', required: true });
    expect(protocols.protocols.default).to.deep.equal(['http', 'https']);
    expect(config.config).to.include({ type: 'record', required: true });
    expect(config.config.fields).to.deep.include.members([
      { topic: { type: 'string', required: true } },
      { secret: { type: 'string', encrypted: true, referenceable: true } },
      { label: { type: 'string', auto: true } },
      {
        names: {
          type: 'map',
          default: {},
          keys: { type: 'string' },
          values: { type: 'string', required: true },
        },
      },
    ]);
    const none = await admin.call('GET', '/schemas/plugins/none');
    expect([none.status, none.body]).to.deep.equal([404, { message: "No plugin named 'none'" }]);
  });

  it('validates without writing or looking references up', async () => {
    const good = await admin.call('POST', '/schemas/routes/validate', { paths: ['/'], service: { id: nodeId(9) } });
    expect([good.status, good.body]).to.deep.equal([200, { message: 'schema validation successful' }]);
    expect((await admin.call('GET', '/routes')).body.data).to.deep.equal([]);
    const bad = await admin.call('POST', '/schemas/routes/validate', { paths: ['x'] });
    expect(bad.status).to.equal(400);
    expect(bad.body.code).to.equal(2);
    const plugin = await admin.call('POST', '/schemas/plugins/validate', { name: 'sample', config: {} });
    expect(plugin.body.fields).to.deep.equal({ config: { topic: 'required field missing' } });
    expect((await admin.call('POST', '/schemas/none/validate', {})).status).to.equal(404);
  });

  it('forgets nodes that are not connected, and offers the database to those that are named', async () => {
    const asked: unknown[] = [];
    const fleet = await startAdmin(
      {},
      {
        clustering: {
          listDataPlanes: () => [],
          getDataPlane: () => undefined,
          status: () => ({}),
          forgetDataPlane: (id) => (id === nodeId(1) ? 'forgotten' : id === nodeId(2) ? 'connected' : 'unknown'),
          adoptDatabase(ids) {
            asked.push(ids);
            return [nodeId(1)];
          },
          tryRequest: async () => ({ kind: 'unknown' as const }),
          history: () => undefined,
          destinations: () => [],
          traffic: () => ({}),
          onStateChange: () => () => undefined,
        },
      },
    );
    const rows: readonly (readonly [string, string, unknown, number])[] = [
      ['DELETE', `/clustering/data-planes/${nodeId(1).toUpperCase()}`, undefined, 204],
      ['DELETE', `/clustering/data-planes/${nodeId(2)}`, undefined, 409],
      ['DELETE', `/clustering/data-planes/${nodeId(3)}`, undefined, 404],
      ['DELETE', '/clustering/data-planes/none', undefined, 404],
      ['POST', '/clustering/adopt', { nodes: [nodeId(1)] }, 200],
      ['POST', '/clustering/adopt', { nodes: 'all' }, 200],
      ['POST', '/clustering/adopt', { nodes: [] }, 400],
      ['POST', '/clustering/adopt', { nodes: ['x'] }, 400],
      ['POST', '/clustering/adopt', {}, 400],
    ];
    for (const [method, path, body, status] of rows) {
      const answer = await fleet.call(method, path, body);
      expect(answer.status, `${method} ${path} ${JSON.stringify(body)}`).to.equal(status);
      if (status === 200) expect(answer.body).to.deep.equal({ offered: [nodeId(1)] });
    }
    expect(asked).to.deep.equal([[nodeId(1)], 'all']);
    await fleet.close();
  });

  it('lists data planes', async () => {
    const first = (await admin.call('GET', '/clustering/data-planes?size=2')).body;
    expect(first.data).to.deep.equal(nodes.slice(0, 2));
    expect((await admin.call('GET', first.next)).body).to.deep.equal({ data: nodes.slice(2), next: null });
    expect((await admin.call('GET', `/clustering/data-planes/${nodeId(2)}`)).body).to.deep.equal(nodes[1]);
    expect((await admin.call('GET', `/clustering/data-planes/${nodeId(8)}`)).status).to.equal(404);
    expect((await admin.call('GET', '/clustering/status')).body.expected_hash).to.equal('h');
  });

  describe('events of the data planes', () => {
    const change = (n: number): StateChangeView => ({
      id: nodeId(n),
      hostname: 'h',
      from: 'pending',
      state: 'in_sync',
      expected_hash: 'h',
      applied_hash: 'h',
      at: n,
    });
    const tell = (n: number): void => stateListeners.forEach((listener) => listener(change(n)));
    const follow = async (abort = new AbortController(), target = admin) => {
      const response = await fetch(`http://${target.address}/clustering/events`, { signal: abort.signal });
      const chunks = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      return {
        response,
        abort: () => abort.abort(),
        /** Reads on until the text holds this, or the end. */
        async until(part: string): Promise<string> {
          for (;;) {
            if (part !== '' && text.includes(part)) return text;
            const { done = true, value = '' } = (await chunks?.read()) ?? {};
            text += value;
            if (done) return text;
          }
        },
      };
    };

    it('begin with the status and go on with each change, to every client', async () => {
      const [one, other] = [await follow(), await follow()];
      expect(one.response.headers.get('content-type')).to.contain('text/event-stream');
      await one.until('event: status');
      await other.until('event: status');
      tell(1);
      tell(2);
      const wanted = [1, 2].map((n) => `event: state\ndata: ${JSON.stringify(change(n))}\n\n`).join('');
      for (const client of [one, other]) {
        const text = await client.until('"at":2}\n\n');
        expect(text).to.contain('event: status\ndata: {"expected_hash":"h"').and.contain(wanted);
        client.abort();
      }
    });

    it('have room for 64 clients, and again when one goes', async () => {
      const aborts = Array.from({ length: 64 }, () => new AbortController());
      await Promise.all(aborts.map(async (abort) => (await follow(abort)).until('event: status')));
      expect((await admin.call('GET', '/clustering/events')).status).to.equal(503);
      aborts[0]?.abort();
      const next = await waitFor(
        async () => {
          const client = await follow();
          return client.response.status === 200 && client;
        },
        { what: 'room' },
      );
      for (const { abort } of [...aborts.map((one) => ({ abort: () => one.abort() })), next]) abort();
    });

    it('end when the server stops', async () => {
      const listeners = new Set<unknown>();
      const server = await startAdmin(
        {},
        {
          clustering: {
            listDataPlanes: () => [],
            getDataPlane: () => undefined,
            status: () => ({}),
            forgetDataPlane: () => 'unknown',
            adoptDatabase: () => [],
            tryRequest: async () => ({ kind: 'unknown' }),
            history: () => undefined,
            destinations: () => [],
            traffic: () => ({}),
            onStateChange(listener) {
              listeners.add(listener);
              return () => void listeners.delete(listener);
            },
          },
        },
      );
      const client = await follow(new AbortController(), server);
      await client.until('event: status');
      await server.close();
      await client.until('');
      expect(listeners.size).to.equal(0);
    });
  });

  it('waits for the nodes when it is asked to', async () => {
    const plain = await admin.call('PUT', '/services/s', { host: 'a' });
    expect(plain.headers.has('sluice-sync')).to.equal(false);
    const put = await admin.call('PUT', '/services/s?wait=applied&timeout=250ms', { host: 'b' });
    expect(put.headers.get('sluice-sync')).to.equal('applied; nodes=3');
    const removed = await admin.call('DELETE', '/services/s?wait=applied');
    expect([removed.status, removed.headers.get('sluice-sync')]).to.deep.equal([204, 'applied; nodes=3']);
    const revision = admin.store.revision();
    expect(waits).to.deep.equal([
      { revision: revision - 1, timeoutMs: 250 },
      { revision, timeoutMs: 5000 },
    ]);
    for (const query of ['wait=x', 'wait=applied&timeout=5', 'wait=applied&timeout=5h', 'wait=applied&timeout=61s']) {
      const refused = await admin.call('PUT', `/services/s?${query}`, { host: 'b' });
      expect([refused.status, refused.body.code], query).to.deep.equal([400, 11]);
    }
    expect((await admin.call('GET', '/services/s')).status).to.equal(404);
  });
});
