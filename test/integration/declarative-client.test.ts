import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import { pluginSchemas } from '../../shared/plugin-schemas/plugin-schemas.ts';
import { startAdmin, type AdminFixture } from '../control-plane/admin/admin-fixture.ts';
import { makePair } from '../helpers/certificates.ts';
import { DeclarativeClient, type Wanted } from '../helpers/declarative-client.ts';

const tags = ['team-a'];
const ids = {
  certificate: randomUUID(),
  sni: randomUUID(),
  upstream: randomUUID(),
  targets: [randomUUID(), randomUUID()] as const,
  service: randomUUID(),
  routes: [randomUUID(), randomUUID()] as const,
  consumer: randomUUID(),
  key: randomUUID(),
  plugin: randomUUID(),
};

describe("a cycle of Kong's declarative client", () => {
  let admin: AdminFixture;
  let client: DeclarativeClient;
  let wanted: Required<Wanted>;
  const writes: string[] = [];

  before(async () => {
    admin = await startAdmin({ token: 'secret' }, { plugins: pluginSchemas });
    client = new DeclarativeClient(async (method, path, body) => {
      if (method !== 'GET') writes.push(`${method} ${path}`);
      return admin.call(method, path, body, { 'kong-admin-token': 'secret' });
    }, tags);
    const pair = await makePair();
    wanted = {
      certificates: [{ id: ids.certificate, ...pair, tags }],
      snis: [{ id: ids.sni, name: '*.example.com', certificate: { id: ids.certificate }, tags }],
      upstreams: [{ id: ids.upstream, name: 'backend', healthchecks: { active: { healthy: { interval: 5 } } }, tags }],
      targets: [
        { id: ids.targets[0], target: '10.0.0.1:8080', upstream: { id: ids.upstream }, tags },
        { id: ids.targets[1], target: '10.0.0.2:8080', upstream: { id: ids.upstream }, weight: 10, tags },
      ],
      services: [
        {
          id: ids.service,
          name: 'backend',
          host: 'backend',
          protocol: 'https',
          client_certificate: { id: ids.certificate },
          tags,
        },
      ],
      routes: [
        {
          id: ids.routes[0],
          name: 'orders',
          paths: ['/orders'],
          methods: ['POST'],
          service: { id: ids.service },
          tags,
        },
        { id: ids.routes[1], name: 'items', paths: ['~/items/(?<id>\\d+)$'], service: { id: ids.service }, tags },
      ],
      consumers: [{ id: ids.consumer, username: 'alice', custom_id: 'a-1', tags }],
      'key-auths': [{ id: ids.key, key: 'the-key-of-alice', consumer: { id: ids.consumer }, tags }],
      plugins: [
        {
          id: ids.plugin,
          name: 'kafka-upstream',
          route: { id: ids.routes[0] },
          config: {
            bootstrap_servers: [{ host: 'kafka', port: 9092 }],
            topic: 'orders',
            authentication: { strategy: 'sasl', mechanism: 'SCRAM-SHA-512', user: 'u', password: 'p' },
            schema_registry: {
              confluent: {
                url: 'http://registry:8081',
                authentication: { mode: 'basic', basic: { username: 'u', password: 'p' } },
                value_schema: { subject_name: 'orders-value', schema_version: 'latest' },
              },
            },
          },
          tags,
        },
      ],
    };
  });
  after(() => admin.close());

  it('writes everything by id', async () => {
    await admin.call('PUT', '/services/elsewhere', { host: 'h', tags: ['team-b'] }, { 'kong-admin-token': 'secret' });
    expect(await client.sync(wanted)).to.have.length(11);
    expect(writes.every((line) => /^PUT \/[\w/-]+\/[0-9a-f-]{36}$/.test(line))).to.equal(true);
  });

  it('sees no difference the second time', async () => {
    const revision = admin.store.revision();
    expect(await client.sync(wanted)).to.deep.equal([]);
    expect(admin.store.revision()).to.equal(revision);
  });

  it('writes what was changed, and nothing else', async () => {
    const [plugin] = wanted.plugins;
    wanted = {
      ...wanted,
      certificates: [{ id: ids.certificate, ...(await makePair()), tags }],
      routes: wanted.routes.map((route) => ({ ...route, strip_path: false })),
      targets: wanted.targets.slice(1),
      plugins: [{ ...plugin, config: { ...plugin.config, topic: 'orders-2', compression_type: 'lz4' } }],
      snis: [...wanted.snis, { id: randomUUID(), name: 'b.example', certificate: { id: ids.certificate }, tags }],
      'key-auths': [],
    };
    expect(await client.sync(wanted)).to.deep.equal([
      'DELETE key-auths/the-key-of-a',
      'DELETE targets/10.0.0.1:8080',
      `PUT certificates/${ids.certificate}`,
      'PUT plugins/kafka-upstream',
      'PUT routes/items',
      'PUT routes/orders',
      'PUT snis/b.example',
    ]);
    expect(await client.sync(wanted)).to.deep.equal([]);
    const [name] = wanted.snis;
    expect((await client.read()).snis?.find(({ id }) => id === name.id).name).to.equal(name.name);
  });

  it('reads a dump that it can write again without a difference', async () => {
    const dump = await client.read();
    expect(dump.certificates?.[0]).to.deep.include({ id: ids.certificate, snis: ['*.example.com', 'b.example'] });
    expect(dump.plugins?.[0].config.authentication.password).to.equal('p');
    expect(dump.services).to.have.length(1);
    expect(await client.sync(dump)).to.deep.equal([]);
  });

  it('resets what has its tags, and leaves the rest', async () => {
    const removed = await client.sync({});
    expect(removed).to.have.length(10);
    expect(removed.every((line) => line.startsWith('DELETE '))).to.equal(true);
    expect(await client.sync({})).to.deep.equal([]);
    const left = admin.store.readAll().entities;
    const counts = Object.entries(left).flatMap(([plural, list]) => (list.length === 0 ? [] : [[plural, list.length]]));
    expect(counts).to.deep.equal([['services', 1]]);
  });
});
