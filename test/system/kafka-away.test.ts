import { once } from 'node:events';
import { connect } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { expect } from 'chai';
import { type KafkaCluster, startKafkaCluster } from '../../control-plane/cli/services/kafka-cluster.ts';
import { bootstrapServers, makeKafkaRoute } from '../helpers/admin.ts';
import { Closing } from '../helpers/closing.ts';
import { createTopic, readTopic } from '../helpers/kafka.ts';
import { post } from '../helpers/post.ts';
import { type DataPlaneProcess, runControlPlane, runDataPlane } from '../helpers/sluice-process.ts';
import { startTcpProxy, type TcpProxy } from '../helpers/tcp-proxy.ts';
import { testedClients } from '../helpers/kafka-clients.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { waitFor } from '../helpers/wait-for.ts';

const deliveryTimeoutMs = 1_500;
const drainTimeoutMs = 4_000;
/** Far beyond the end of a node that drains. */
const patientMs = 60_000;

describe('Kafka stopped and started again', function () {
  this.timeout(120_000);
  const closing = new Closing();
  let kafka: KafkaCluster;
  let proxy: TcpProxy;
  let topic: string;
  let patientTopic: string;
  const nodes = new Map<string, DataPlaneProcess>();

  before(async () => {
    const temp = await tempFolder();
    closing.add(() => temp.remove());
    proxy = await startTcpProxy();
    closing.add(() => proxy.close());
    kafka = await startKafkaCluster({
      directory: `${temp.path}/kafka`,
      heap: '256m',
      advertised: [proxy.address],
    });
    closing.add(() => kafka.stop());
    proxy.setTarget(kafka.bootstrapServers);
    topic = await createTopic('away', { partitions: 2, brokers: kafka.internalServers });
    patientTopic = await createTopic('patient', { brokers: kafka.internalServers });
    const controlPlane = await runControlPlane({ folder: temp.path });
    closing.add(() => controlPlane.stop());
    for (const client of testedClients) {
      const node = await runDataPlane({
        folder: `${temp.path}/${client}`,
        controlPlane: controlPlane.cluster,
        args: [`--kafka-client=${client}`, `--drain-timeout=${drainTimeoutMs}ms`],
      });
      closing.add(() => node.stop());
      nodes.set(client, node);
    }
    const makeRoute = (name: string, config: Readonly<Record<string, unknown>>) =>
      makeKafkaRoute(controlPlane.admin, {
        name,
        path: `/${name}`,
        config: { bootstrap_servers: bootstrapServers(proxy.address), record_value: 'body', ...config },
      });
    await makeRoute('away', { topic, delivery_timeout: deliveryTimeoutMs, timeout: 1_000 });
    await makeRoute('patient', {
      topic: patientTopic,
      delivery_timeout: patientMs,
      producer_request_timeout: patientMs,
    });
  });
  after(() => closing.close());

  it('is 503 KAFKA_UNAVAILABLE, not_sent, with Retry-After, inside the deadline; then works without a restart', async () => {
    const refused: string[] = [];
    const urls = [...nodes.values()].map((node) => `${node.proxy}/away`);
    for (const url of urls) {
      await waitFor(async () => (await post(url, { first: true })).status === 200, { what: 'a first record' });
    }
    await kafka.stop();
    for (const url of urls) {
      for (let attempt = 0; attempt < 3; attempt += 1) {
        const id = `${url} ${attempt}`;
        const answer = await post(url, { id });
        expect(answer.status, JSON.stringify(answer.body)).to.equal(503);
        expect(answer.body).to.include({ code: 'KAFKA_UNAVAILABLE', outcome: 'not_sent', retryable: true });
        expect(answer.headers.get('retry-after')).to.match(/^\d+$/);
        expect(answer.ms).to.be.below(deliveryTimeoutMs + 500);
        refused.push(id);
      }
    }
    for (const broker of kafka.brokers) await broker.start();
    for (const url of urls) {
      await waitFor(async () => (await post(url, { back: url })).status === 200, {
        timeoutMs: 30_000,
        what: 'recovery',
      });
    }
    const values = (await readTopic(topic, kafka.internalServers)).map(({ value }) => value?.toString() ?? '');
    const ids = values.map((value) => (JSON.parse(value) as { id?: string }).id);
    expect(ids.filter((id) => id !== undefined && refused.includes(id))).to.deep.equal([]);
    expect(values.filter((value) => value.includes('back'))).to.have.length.at.least(urls.length);
  });

  it('is ready all the while and shows the cluster', async () => {
    for (const node of nodes.values()) {
      // The cluster counts as connected again once each of its topics was reached.
      const statuses = new Set<number>();
      const isConnected = async () => {
        const ready = await fetch(`${node.status}/status/ready`);
        statuses.add(ready.status);
        return (await ready.text()).includes('"connected"');
      };
      await waitFor(isConnected, { what: 'the cluster to be connected', timeoutMs: 30_000 });
      expect([...statuses]).to.deep.equal([200]);
    }
  });

  it('a draining node answers requests that wait for Kafka before it cuts connections: 504, 503, exit code 0 in time', async () => {
    for (const [client, node] of nodes) {
      const url = `${node.proxy}/patient`;
      await waitFor(async () => (await post(url, { first: client })).status === 200, { what: 'a first record' });
      const before = proxy.produced(patientTopic);
      proxy.setRule(patientTopic, { action: 'swallow' });
      const onTheWire = post(url, { id: `${client} on the wire` });
      await waitFor(() => proxy.produced(patientTopic) > before, { what: 'its Produce request' });
      const queued = post(url, { id: `${client} queued` });
      const half = await openHalfBody(url);
      await waitFor(async () => (await inFlight(node)) === 3, { what: 'three requests in flight' });

      node.kill('SIGTERM');
      const startedMs = performance.now();
      const [unknown, refused, unread] = await Promise.all([onTheWire, queued, half.answer]);
      expect(await node.exited, client).to.equal(0);
      expect(performance.now() - startedMs, client).to.be.below(drainTimeoutMs + 2_000);

      expect(unknown.status, client).to.equal(504);
      expect(unknown.body).to.include({ code: 'DELIVERY_UNKNOWN', outcome: 'unknown', retryable: true });
      expect(unknown.headers.get('connection')).to.equal('close');
      expect(refused.status, client).to.equal(503);
      expect(refused.body).to.include({ code: 'SHUTTING_DOWN', outcome: 'not_sent', retryable: true });
      expect(refused.headers.get('connection')).to.equal('close');
      expect(unread, client)
        .to.match(/^HTTP\/1.1 503 /)
        .and.to.match(/^connection: close/im);
      expect(unread).to.include('"code":"SHUTTING_DOWN"').and.to.include('"outcome":"not_sent"');
      const overdue = node.lines.find(({ event }) => event === 'drain_overdue');
      expect(overdue, client).to.include({ requests: 3, connections: 0 });
      proxy.setRule(patientTopic, null);
    }
    const values = (await readTopic(patientTopic, kafka.internalServers)).map(({ value }) => value?.toString() ?? '');
    expect(values.filter((value) => value.includes('queued'))).to.deep.equal([]);
    expect(values.filter((value) => value.includes('on the wire'))).to.have.length(nodes.size);
  });
});

async function inFlight(node: DataPlaneProcess): Promise<number> {
  const text = await (await fetch(`${node.status}/metrics`)).text();
  return Number(/^sluice_http_requests_in_flight (\d+)$/m.exec(text)?.[1]);
}

/** A request of whose body the last byte never comes. */
async function openHalfBody(url: string): Promise<{ readonly answer: Promise<string> }> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  const head = `POST ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: application/json\r\n`;
  socket.write(`${head}Content-Length: 2\r\n\r\n{`);
  return { answer: readText(socket) };
}
