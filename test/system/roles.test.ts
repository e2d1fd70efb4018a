import { expect } from 'chai';
import { writeFile } from 'node:fs/promises';
import { admin, adminOk, bootstrapServers, makeKafkaRoute } from '../helpers/admin.ts';
import { Closing } from '../helpers/closing.ts';
import { createTopic, readTopic, testKafka } from '../helpers/kafka.ts';
import { order, orderSchema } from '../helpers/order-schema.ts';
import { post } from '../helpers/post.ts';
import { registerAvro, testRegistry } from '../helpers/registry.ts';
import { runControlPlane, runDataPlane, runSluice, type SluiceProcess } from '../helpers/sluice-process.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { waitFor } from '../helpers/wait-for.ts';

const readyMs = 60_000;

/** One process with an Admin API and a proxy, ready. */
async function runNode(role: 'traditional' | 'dbless', ...args: string[]) {
  const running = runSluice([
    'start',
    `--role=${role}`,
    '--admin-listen=127.0.0.1:0',
    '--proxy-listen=127.0.0.1:0',
    '--proxy-listen-tls=127.0.0.1:0',
    '--status-listen=127.0.0.1:0',
    '--log-format=json',
    ...args,
  ]);
  await running.line((line) => line.event === 'ready', readyMs);
  return { ...running, ...addressesOf(running) };
}

function addressesOf(running: SluiceProcess) {
  const url = (what: string) => `http://${running.address(what)}`;
  return { admin: url('admin'), proxy: url('proxy'), status: url('status') };
}

async function statusOf(status: string): Promise<Record<string, unknown>> {
  return (await (await fetch(`${status}/status`)).json()) as Record<string, unknown>;
}

describe('the roles of one process', function () {
  this.timeout(180_000);
  const closing = new Closing();
  let folder: string;
  let topic: string;

  before(async () => {
    topic = await createTopic('roles');
    await registerAvro(`${topic}-value`, orderSchema);
  });
  beforeEach(async () => {
    const temp = await tempFolder();
    folder = temp.path;
    closing.add(() => temp.remove());
  });
  afterEach(() => closing.close());

  const config = () => ({
    bootstrap_servers: bootstrapServers(testKafka()),
    topic,
    record_value: 'body',
    schema_registry: {
      confluent: {
        url: testRegistry(),
        value_schema: { subject_name: `${topic}-value`, schema_version: 'latest' },
      },
    },
  });

  /** A declarative document with a route to the topic, and a consumer. */
  function document(path: string): string {
    return JSON.stringify({
      _format_version: '3.0',
      routes: [{ name: 'orders', paths: [path], plugins: [{ name: 'kafka-upstream', config: config() }] }],
      consumers: [{ username: 'alice' }],
      services: [{ name: 'off', host: 'h', enabled: false, routes: [{ name: 'of-off', paths: ['/off'] }] }],
    });
  }

  async function file(name: string, text: string): Promise<string> {
    await writeFile(`${folder}/${name}`, text);
    return `${folder}/${name}`;
  }

  it('traditional: the Admin API writes, the proxy of the same process serves, and both stop together', async () => {
    const args = [`--database=${folder}/traditional.db`];
    const node = await runNode('traditional', ...args);
    closing.add(() => node.stop());
    await makeKafkaRoute(node.admin, { name: 'orders', path: '/orders', config: config() });
    const answer = await post(`${node.proxy}/orders`, order);
    expect(answer.body).to.include({ outcome: 'acked' });
    expect(await readTopic(topic)).to.have.length.greaterThan(0);

    const waited = await admin(node.admin, 'PATCH', '/routes/orders?wait=applied&timeout=30s', { paths: ['/renamed'] });
    expect(waited.headers.get('sluice-sync')).to.equal('applied; nodes=1');
    expect((await post(`${node.proxy}/renamed`, order)).status).to.equal(200);
    expect((await post(`${node.proxy}/orders`, order)).status).to.equal(404);
    expect((await admin(node.admin, 'GET', '/')).body['configuration']).to.include({
      role: 'traditional',
      database: 'postgres',
    });
    const { configuration } = (await admin(node.admin, 'GET', '/')).body as { configuration: Record<string, unknown> };
    const [listener, tlsListener] = configuration['proxy_listeners'] as readonly Record<string, unknown>[];
    expect(listener).to.include({ ip: '127.0.0.1', listener: node.proxy.replace('http://', ''), ssl: false });
    expect(tlsListener).to.include({ listener: `${node.address('proxy_tls')} ssl`, ssl: true });
    // It has no data planes but itself.
    for (const what of ['data-planes', 'status', 'events']) {
      expect((await admin(node.admin, 'GET', `/clustering/${what}`)).status).to.equal(404);
    }

    // A refusal of the node is shown, and the old configuration serves on.
    const plugin = (await adminOk(node.admin, 'GET', '/routes/orders/plugins')).data?.[0];
    const authentication = { strategy: 'sasl', mechanism: 'PLAIN', user: 'u', password: '{vault://env/NOT_HERE}' };
    const refused = await admin(node.admin, 'PATCH', `/plugins/${String(plugin?.['id'])}?wait=applied&timeout=30s`, {
      config: { authentication },
    });
    expect(refused.headers.get('sluice-sync')).to.match(/^rejected/);
    expect((await post(`${node.proxy}/renamed`, order)).status).to.equal(200);
    const status = await statusOf(node.status);
    expect(status).to.include({ role: 'traditional' });
    expect(status['addresses']).to.have.keys('admin', 'proxy', 'proxy_tls', 'status');
    expect(JSON.stringify(status['rejected'])).to.include('config.authentication.password');
    const metrics = await (await fetch(`${node.status}/metrics`)).text();
    expect(metrics).to.include('sluice_admin_requests_total').and.include('sluice_http_requests_total');
    expect(await node.stop()).to.equal(0);
  });

  it('traditional: keeps its configuration over a restart and replaces it whole', async () => {
    const args = [`--database=${folder}/traditional.db`];
    const first = await runNode('traditional', ...args);
    closing.add(() => first.stop());
    const loaded = await fetch(`${first.admin}/config?wait=applied&timeout=30s`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: document('/orders'),
    });
    expect(loaded.status, await loaded.text()).to.equal(201);
    expect(loaded.headers.get('sluice-sync')).to.equal('applied; nodes=1');
    expect((await post(`${first.proxy}/orders`, order)).status).to.equal(200);
    expect(await first.stop()).to.equal(0);
    const second = await runNode('traditional', ...args);
    closing.add(() => second.stop());
    expect((await post(`${second.proxy}/orders`, order)).status).to.equal(200);
    expect(await second.stop()).to.equal(0);
  });

  it('dbless: serves the file; the Admin API reads, and loads another document whole or not at all', async () => {
    const path = await file('config.json', document('/orders'));
    const node = await runNode('dbless', `--declarative-config=${path}`);
    closing.add(() => node.stop());
    expect((await post(`${node.proxy}/orders`, order)).body).to.include({ outcome: 'acked' });
    const { configuration_hash: firstHash } = await statusOf(node.status);

    expect((await adminOk(node.admin, 'GET', '/routes/orders')).id).to.be.a('string');
    expect((await adminOk(node.admin, 'GET', '/routes')).data).to.have.length(2);
    expect((await adminOk(node.admin, 'GET', '/routes/orders/plugins')).data).to.have.length(1);
    expect((await admin(node.admin, 'GET', '/')).body['configuration']).to.include({ role: 'dbless', database: 'off' });
    for (const [method, write, verb] of [
      ['POST', '/routes', 'create'],
      ['PUT', '/routes/orders', 'create or update'],
      ['PATCH', '/routes/orders', 'update'],
      ['DELETE', '/routes/orders', 'remove'],
    ] as const) {
      const answer = await admin(node.admin, method, write, method === 'DELETE' ? undefined : { paths: ['/x'] });
      expect(answer.status).to.equal(405);
      expect(answer.body).to.include({
        code: 12,
        name: 'operation unsupported',
        message: `cannot ${verb} 'routes' entities when not using a database`,
      });
    }

    const load = (body: string, query = '') =>
      fetch(`${node.admin}/config${query}`, { method: 'POST', headers: { 'content-type': 'application/yaml' }, body });
    expect((await load(document('/orders'), '?check_hash=1')).status).to.equal(304);
    const exported = await (await fetch(`${node.admin}/config`, { headers: { accept: 'application/yaml' } })).text();
    // Kong's clients ask for JSON and read the text within.
    expect(await (await fetch(`${node.admin}/config`)).json()).to.deep.equal({ config: exported });
    expect((await load(exported, '?check_hash=1')).status).to.equal(304);
    const bad = await load('_format_version: "3.0"\nroutes: [{name: orders, paths: [x]}]\n');
    expect(bad.status).to.equal(400);
    expect(await bad.json()).to.include({ code: 14 });
    const onlyHere = document('/moved').replace(
      '"topic"',
      '"authentication":{"strategy":"sasl","mechanism":"PLAIN","user":"u","password":"{vault://env/NOT_HERE}"},"topic"',
    );
    const unresolvable = await load(onlyHere);
    expect(unresolvable.status).to.equal(400);
    expect(await unresolvable.text())
      .to.include('authentication')
      .and.include('NOT_HERE');
    // A dry run finds faults that only the node can see, too, and names their entity.
    for (const query of ['?flatten_errors=1', '?flatten_errors=1&dry_run=1']) {
      const flat = (await (await load(onlyHere, query)).json()) as {
        flattened_errors: { errors: Record<string, string>[] }[];
      };
      expect(flat.flattened_errors).to.have.length(1);
      expect(flat.flattened_errors[0]).to.include({ entity_type: 'plugin', entity_name: 'kafka-upstream' });
      const fault = flat.flattened_errors[0]?.errors[0];
      expect(fault).to.include({ type: 'field', field: 'config.authentication.password' });
      expect(fault?.['message']).to.include('NOT_HERE');
    }
    expect((await post(`${node.proxy}/orders`, order)).status).to.equal(200);

    const dry = await load(document('/moved'), '?dry_run=1');
    expect(dry.status).to.equal(200);
    expect(await dry.json()).to.include({ created: 0, updated: 1, deleted: 0 });
    expect((await post(`${node.proxy}/moved`, order)).status).to.equal(404);
    const etag = dry.headers.get('etag') ?? '';
    expect((await fetch(`${node.admin}/config`)).headers.get('etag')).to.equal(etag);
    const loadIf = (body: string, ifMatch: string) =>
      fetch(`${node.admin}/config?wait=applied`, {
        method: 'POST',
        headers: { 'content-type': 'application/yaml', 'if-match': ifMatch },
        body,
      });
    const moved = await loadIf(document('/moved'), etag);
    expect([moved.status, moved.headers.get('sluice-sync')]).to.deep.equal([201, 'applied; nodes=1']);
    expect((await loadIf(document('/again'), etag)).status).to.equal(412);
    const [one, other] = await Promise.all([load(document('/moved')), load(document('/moved'))]);
    expect([one.status, other.status].toSorted((a, b) => a - b)).to.deep.equal([201, 429]);
    expect([one, other].find(({ status }) => status === 429)?.headers.get('retry-after')).to.equal('1');
    expect((await post(`${node.proxy}/moved`, order)).status).to.equal(200);
    expect((await post(`${node.proxy}/orders`, order)).status).to.equal(404);
    expect((await load(document('/orders'))).status).to.equal(201);
    expect((await statusOf(node.status))['configuration_hash']).to.equal(firstHash);
    expect(await node.stop()).to.equal(0);
  });

  it('dbless: the read-only token compares what it was shown, masks of secrets included, and changes nothing', async () => {
    const password = 'planted-password';
    const secured = (value: string) =>
      document('/orders').replace(
        '"topic"',
        `"authentication":{"strategy":"sasl","mechanism":"PLAIN","user":"u","password":"${value}"},"topic"`,
      );
    const path = await file('config.json', secured(password));
    const tokens = { full: 'a-token-of-the-operator', read: 'a-token-that-only-reads' };
    const node = await runNode(
      'dbless',
      `--declarative-config=${path}`,
      `--admin-token=${tokens.full}`,
      `--admin-token-read-only=${tokens.read}`,
    );
    closing.add(() => node.stop());
    const call = async (token: string, at: string, body?: string) => {
      const headers = { 'kong-admin-token': token, 'content-type': 'application/json', accept: 'application/yaml' };
      const answer = await fetch(`${node.admin}${at}`, {
        headers,
        ...(body !== undefined && { method: 'POST', body }),
      });
      const text = await answer.text();
      expect(text).to.not.include(password);
      return { status: answer.status, text };
    };
    const shown = (await call(tokens.read, '/config')).text;
    const [mask = 'none'] = /\*{6}:[0-9a-f]{12}/.exec(shown) ?? [];
    const summary = ({ text }: { text: string }) => {
      const { created, updated, deleted } = JSON.parse(text) as Record<string, number>;
      return [created, updated, deleted];
    };
    const dryRun = (value: string) => call(tokens.read, '/config?dry_run=1', secured(value));
    expect(summary(await dryRun(mask))).to.deep.equal([0, 0, 0]);
    const other = await dryRun('another-password');
    expect(summary(other)).to.deep.equal([0, 1, 0]);
    expect(other.text).to.include('config.authentication.password');
    const unknown = await dryRun('******:0123456789ab');
    expect(unknown.status).to.equal(400);
    expect(unknown.text).to.include('this is a masked secret');
    expect((await call(tokens.full, '/config', secured(mask))).status).to.equal(400);
    expect((await call(tokens.read, '/config', secured(password))).status).to.equal(403);
    const plugin = JSON.stringify({
      name: 'kafka-upstream',
      config: { ...config(), authentication: { strategy: 'sasl', mechanism: 'PLAIN', user: 'u', password: mask } },
    });
    expect((await call(tokens.read, '/schemas/plugins/validate', plugin)).status).to.equal(200);
    expect(await node.stop()).to.equal(0);
  });

  it('dbless: a file with faults keeps it from starting, and every fault is printed', async () => {
    const path = await file('bad.yaml', '_format_version: "3.0"\nservices: [{}]\nroutes: [{paths: [x]}]\n');
    const node = runSluice([
      'start',
      '--role=dbless',
      `--declarative-config=${path}`,
      '--admin-listen=127.0.0.1:0',
      '--proxy-listen=127.0.0.1:0',
      '--status-listen=127.0.0.1:0',
      '--log-format=json',
    ]);
    closing.add(() => node.stop());
    expect(await node.exited).to.equal(1);
    expect(node.lines.filter(({ event }) => event === 'declarative_fault').map((line) => line['fault'])).to.deep.equal([
      'services.1.host: required field missing',
      'routes.1.paths.1: should start with: / (fixed path) or ~/ (regex path)',
    ]);
    expect(node.lines.some(({ event }) => event === 'listening')).to.equal(false);
  });

  it('a data plane starts from the file while it has no cache, and from the cache afterwards', async () => {
    const path = await file('seed.json', document('/seeded'));
    const away = { folder: `${folder}/node`, controlPlane: '127.0.0.1:1', args: [`--declarative-config=${path}`] };
    const seeded = await runDataPlane(away);
    closing.add(() => seeded.stop());
    expect((await post(`${seeded.proxy}/seeded`, order)).status).to.equal(200);
    expect((await statusOf(seeded.status))['control_plane']).to.include({ source: 'declarative_config' });
    expect(await seeded.stop()).to.equal(0);

    const controlPlane = await runControlPlane({ folder });
    closing.add(() => controlPlane.stop());
    await adminOk(controlPlane.admin, 'PUT', '/routes/orders', { paths: ['/streamed'] });
    const streamed = await runDataPlane({ ...away, controlPlane: controlPlane.cluster });
    closing.add(() => streamed.stop());
    await waitFor(
      async () => ((await statusOf(streamed.status))['control_plane'] as { source: string }).source === 'control_plane',
      { what: 'the configuration of the control plane', timeoutMs: 30_000 },
    );
    expect((await post(`${streamed.proxy}/seeded`, order)).status).to.equal(404);
    expect(await streamed.stop()).to.equal(0);
    const cached = await runDataPlane(away);
    closing.add(() => cached.stop());
    expect((await statusOf(cached.status))['control_plane']).to.include({ source: 'cache' });
    expect((await post(`${cached.proxy}/seeded`, order)).status).to.equal(404);
    expect(await cached.stop()).to.equal(0);
  });
});
