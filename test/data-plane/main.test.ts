import { once } from 'node:events';
import { connect, type IncomingHttpHeaders } from 'node:http2';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { startDataPlane } from '../../data-plane/main.ts';
import type { DataPlane, DataPlaneOptions } from '../../data-plane/node-options.ts';
import { createLogger } from '../../shared/log.ts';
import { createSnapshot, type SnapshotEntities } from '../../shared/snapshot.ts';
import { Closing } from '../helpers/closing.ts';
import { makePair } from '../helpers/certificates.ts';
import { freePort } from '../helpers/free-port.ts';
import { createTopic, countRecords, testKafka } from '../helpers/kafka.ts';
import { SyncHarness } from '../helpers/sync-harness.ts';
import { waitFor } from '../helpers/wait-for.ts';
import { buildConfig } from './plugins/kafka-upstream/build-config.ts';
import { RawClient } from './proxy/raw-http.ts';
import { pluginEntity, routeEntity } from './proxy/spine-fixture.ts';

const body = '{"id":1}';
const head = `POST /orders HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n`;
const whole = `${head}Content-Length: ${body.length}\r\n\r\n${body}`;

describe('a data plane', function () {
  this.timeout(60_000);
  const closing = new Closing();
  let harness: SyncHarness;
  let topic: string;
  let lines: Record<string, unknown>[];

  before(async () => {
    topic = await createTopic('node');
  });
  beforeEach(async () => {
    lines = [];
    harness = await SyncHarness.open();
    closing.add(() => harness.close());
  });
  afterEach(() => closing.close());

  /** Requests to /orders become records at these brokers. */
  function configuration(brokers = testKafka()): SnapshotEntities {
    const [host, port] = (brokers.split(',')[0] ?? '').split(':');
    const config = buildConfig({ bootstrap_servers: [{ host, port: Number(port) }], topic, cluster_name: 'main' });
    return { routes: [routeEntity()], plugins: [pluginEntity('kafka-upstream', '', { id: 'p1', config })] };
  }

  async function start(options: Partial<DataPlaneOptions> = {}): Promise<DataPlane> {
    const any = { host: '127.0.0.1', port: 0 };
    const node = await startDataPlane({
      controlPlanes: [harness.address],
      proxyListen: any,
      statusListen: any,
      dataDir: harness.dataDir('node'),
      nodeLabels: {},
      kafkaClient: 'kafkajs',
      requestBodyMaxBytes: 1_000,
      producerMemoryMaxBytes: 64 * 1024 * 1024,
      trustedIps: [],
      drainDelayMs: 0,
      drainTimeoutMs: 20_000,
      sluiceVersion: '0.1.0',
      logger: createLogger({
        level: 'info',
        format: 'json',
        // A border: the logger writes objects.
        write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
      }),
      ...options,
    });
    closing.add(() => node.stop());
    return node;
  }

  async function publish(entities: SnapshotEntities): Promise<void> {
    harness.reader.set(entities);
    await harness.startControlPlane();
  }

  async function started(options: Partial<DataPlaneOptions> = {}): Promise<DataPlane> {
    await publish(configuration());
    const node = await start(options);
    await node.ready;
    return node;
  }

  async function open(node: DataPlane): Promise<RawClient> {
    const client = await RawClient.open(Number(node.addresses['proxy']?.split(':')[1]));
    closing.add(() => client.destroy());
    return client;
  }

  /** A request of which the last byte is missing. */
  async function openHalf(node: DataPlane): Promise<RawClient> {
    const client = await open(node);
    client.send(whole.slice(0, -1));
    await waitFor(async () => (await metric(node, 'sluice_http_requests_in_flight')) > 0, { what: 'the request' });
    return client;
  }

  async function status(node: DataPlane, path: string) {
    const response = await fetch(`http://${node.addresses['status']}${path}`, { signal: AbortSignal.timeout(5_000) });
    // A border: tests state what they expect of it.
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  async function metric(node: DataPlane, name: string): Promise<number> {
    const response = await fetch(`http://${node.addresses['status']}/metrics`, { signal: AbortSignal.timeout(5_000) });
    const line = (await response.text()).split('\n').find((text) => text.startsWith(`${name} `));
    return Number(line?.slice(name.length));
  }

  const codeOf = (client: RawClient) => /"code":"(\w+)"/.exec(client.received)?.[1];

  it('says in /status and /status/ready what it is and does', async () => {
    const entities = configuration();
    await publish(entities);
    const node = await start();
    await node.ready;
    expect((await status(node, '/status/live')).status).to.equal(200);
    const ready = await status(node, '/status/ready');
    expect(ready.status).to.equal(200);
    const clusters = [{ name: 'main', brokers: testKafka(), state: 'connected', error: null }];
    expect(ready.body).to.deep.equal({ message: 'ready', clusters });

    const client = await open(node);
    expect(await client.send(whole).answers(1)).to.deep.equal([200]);
    const { body: shown } = await status(node, '/status');
    expect(shown).to.include({
      role: 'data_plane',
      version: '0.1.0',
      configuration_hash: createSnapshot(entities).hash,
    });
    expect(shown['node_id']).to.match(/^[0-9a-f-]{36}$/);
    expect(shown['uptime_seconds']).to.be.a('number');
    expect(shown['addresses']).to.deep.equal(node.addresses);
    expect(shown['clusters']).to.deep.equal(clusters);
    expect(shown['connections']).to.deep.equal({ accepted: 1, active: 1 });
    expect(shown['control_plane']).to.include({ address: harness.address });
    const isConnected = async () => JSON.stringify((await status(node, '/status')).body).includes('"connected":true');
    await waitFor(isConnected, { what: 'the control plane', timeoutMs: 30_000 });
    expect(await metric(node, 'sluice_http_requests_total{route="orders",status="200"}')).to.equal(1);
    expect(await (await open(node)).send('no HTTP\r\n\r\n').end()).to.deep.equal([400]);
    expect(await metric(node, 'sluice_http_requests_total{route="",status="400"}')).to.equal(1);
    expect(await metric(node, 'sluice_config_applies_total')).to.equal(1);
    expect(await metric(node, `sluice_config_info{hash="${createSnapshot(entities).hash}"}`)).to.equal(1);
    expect(await metric(node, 'sluice_control_plane_connected')).to.equal(1);
    expect(await metric(node, 'sluice_config_last_apply_duration_seconds')).to.be.within(0, 60);
    expect(await metric(node, 'sluice_config_last_apply_timestamp_seconds')).to.be.closeTo(Date.now() / 1000, 60);
  });

  it('takes requests over HTTP/2 on the same port', async () => {
    const node = await started();
    const before = await countRecords(topic);
    const session = connect(`http://${node.addresses['proxy']}`);
    closing.add(() => session.destroy());
    const stream = session.request({ ':method': 'POST', ':path': '/orders', 'content-type': 'application/json' });
    stream.end(body);
    const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    expect(headers[':status']).to.equal(200);
    expect(await text(stream)).to.include('"outcome":"acked"');
    expect(await countRecords(topic)).to.equal(before + 1);
  });

  it('takes requests over TLS, with the certificate that the configuration has for the server name', async () => {
    const { cert, key } = await makePair();
    await publish({
      ...configuration(),
      certificates: [{ id: 'c1', cert, key }],
      snis: [{ id: 's1', name: '*.example.com', certificate: { id: 'c1' } }],
    });
    const node = await start({ proxyListenTls: { host: '127.0.0.1', port: 0 } });
    await node.ready;
    const before = await countRecords(topic);
    const session = connect(`https://${node.addresses['proxy_tls']}`, {
      servername: 'a.example.com',
      ca: cert,
      checkServerIdentity: () => undefined,
    });
    closing.add(() => session.destroy());
    const stream = session.request({ ':method': 'POST', ':path': '/orders', 'content-type': 'application/json' });
    stream.end(body);
    const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    expect(headers[':status']).to.equal(200);
    expect(await text(stream)).to.include('"outcome":"acked"');
    expect(await countRecords(topic)).to.equal(before + 1);
  });

  it('is not ready without a configuration, and answers so', async () => {
    const node = await start();
    const ready = await status(node, '/status/ready');
    expect(ready.status).to.equal(503);
    expect(ready.body).to.deep.equal({ message: 'not ready', reasons: ['no configuration yet'], clusters: [] });
    const client = await open(node);
    expect(await client.send(whole).answers(1)).to.deep.equal([503]);
  });

  it('is not ready while a Kafka cluster was not reached', async () => {
    await publish(configuration(`127.0.0.1:${await freePort()}`));
    const node = await start({ drainTimeoutMs: 1_500 });
    const ready = await waitFor(
      async () => {
        const state = await status(node, '/status/ready');
        // Clusters of a configuration that is still being built are listed already.
        const isConfigured = !String(state.body['reasons']).includes('no configuration yet');
        return isConfigured && Array.isArray(state.body['clusters']) && state.body['clusters'].length > 0 && state;
      },
      { what: 'the cluster' },
    );
    expect(ready.status).to.equal(503);
    expect(ready.body['reasons']).to.deep.equal(['the Kafka cluster main was not reached yet']);
  });

  it('keeps the old configuration when a new one has faults, and says so', async () => {
    const node = await started();
    const entities = configuration();
    harness.reader.set({ ...entities, routes: [routeEntity({ paths: ['~/('] })] });
    await waitFor(async () => (await metric(node, 'sluice_config_rejects_total')) === 1, { what: 'the reject' });
    expect((await status(node, '/status/ready')).status).to.equal(200);
    expect(await (await open(node)).send(whole).answers(1)).to.deep.equal([200]);
    const shown = JSON.stringify((await status(node, '/status')).body['control_plane']);
    expect(shown).to.include('paths.1');
  });

  it('fails to start when its port is taken, and leaves nothing behind', async () => {
    const node = await started();
    const port = Number(node.addresses['proxy']?.split(':')[1]);
    const failure = await start({
      proxyListen: { host: '127.0.0.1', port },
      dataDir: harness.dataDir('other'),
    }).catch((error: unknown) => error);
    expect(failure).to.have.property('code', 'EADDRINUSE');
  });

  it('goes on without TLS where the port of its default is taken, but not where somebody chose the port', async () => {
    const node = await started();
    const port = Number(node.addresses['proxy']?.split(':')[1]);
    const taken = { host: '127.0.0.1', port };
    const other = await start({
      proxyListenTls: { ...taken, isDefault: true },
      dataDir: harness.dataDir('other'),
    });
    await other.ready;
    expect(other.addresses).to.have.keys('proxy', 'status');
    expect(lines.find(({ event }) => event === 'tls_port_in_use')).to.include({ level: 'warn', port });
    const failure = await start({ proxyListenTls: taken, dataDir: harness.dataDir('third') }).catch(
      (error: unknown) => error,
    );
    expect(failure).to.have.property('code', 'EADDRINUSE');
  });

  describe('that drains', () => {
    it('is not ready, finishes what is in flight, serves what began to come', async () => {
      const node = await started();
      const before = await countRecords(topic);
      const inFlight = await openHalf(node);
      const beginning = await open(node);
      beginning.send(head);
      const silent = await open(node);
      const kept = await open(node);
      await kept.send(whole).answers(1);

      const stopped = node.stop();
      expect(node.stop(), 'a second call waits for the same end').to.equal(stopped);
      await Promise.all([silent.end(), kept.end()]);
      const ready = await status(node, '/status/ready');
      expect(ready.status).to.equal(503);
      expect(ready.body['reasons']).to.deep.equal(['draining']);
      const refused = await open(node).catch((error: unknown) => error);
      expect(refused).to.have.property('code', 'ECONNREFUSED');

      beginning.send(`Content-Length: ${body.length}\r\n\r\n${body}`);
      expect(await beginning.end()).to.deep.equal([200]);
      expect(beginning.received).to.match(/Connection: close/i);

      inFlight.send(whole.slice(-1));
      expect(await inFlight.end()).to.deep.equal([200]);
      expect(inFlight.received)
        .to.match(/Connection: close/i)
        .and.to.include('"outcome":"acked"');
      await stopped;
      expect(await countRecords(topic)).to.equal(before + 3);
      expect(lines.map(({ event }) => event)).to.not.include('drain_overdue');
      expect(await status(node, '/status').catch(() => 'closed')).to.equal('closed');
    });

    it('answers every request of busy keep-alive clients, and resets none', async () => {
      const node = await started();
      const clients = await Promise.all(Array.from({ length: 20 }, () => open(node)));
      const before = await countRecords(topic);
      let sent = 0;
      const busy = clients.map(async (client) => {
        for (let count = 1; !/Connection: close/i.test(client.received); count += 1) {
          client.send(whole);
          sent += 1;
          await client.answers(count);
        }
      });
      await Promise.all(clients.map((client) => client.answers(5)));
      const stopped = node.stop();
      await Promise.all(busy);
      await stopped;
      for (const client of clients) {
        expect(client.error).to.equal(undefined);
        expect(new Set(client.statuses)).to.deep.equal(new Set([200]));
      }
      expect(clients.flatMap(({ statuses }) => statuses)).to.have.length(sent);
      expect(await countRecords(topic)).to.equal(before + sent);
    });

    it('goes on serving during drain_delay, though not ready', async () => {
      const node = await started({ drainDelayMs: 1_000 });
      const stopped = node.stop();
      expect((await status(node, '/status/ready')).status).to.equal(503);
      expect(await (await open(node)).send(whole).answers(1)).to.deep.equal([200]);
      await stopped;
    });

    for (const drainTimeoutMs of [800, 2_500]) {
      it(`answers and cuts what is left at drain_timeout (${drainTimeoutMs} ms), counted and logged`, async () => {
        const node = await started({ drainTimeoutMs });
        const beginning = await open(node);
        beginning.send(head);
        const client = await openHalf(node);
        const startedMs = performance.now();
        await node.stop();
        const tookMs = performance.now() - startedMs;
        expect(tookMs).to.be.within(drainTimeoutMs / 2, drainTimeoutMs + 1_000);
        expect(await client.end()).to.deep.equal([503]);
        expect(codeOf(client)).to.equal('SHUTTING_DOWN');
        expect(client.received)
          .to.match(/Connection: close/i)
          .and.to.include('"outcome":"not_sent"');
        expect(await beginning.end(), 'no request, no answer').to.deep.equal([]);
        expect(lines.find(({ event }) => event === 'drain_overdue')).to.include({ connections: 1, requests: 1 });
      });
    }
  });
});
