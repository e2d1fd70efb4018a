import { expect } from 'chai';
import { Registry } from 'prom-client';
import type { ClusterSettings, ProducerLease, ProducerLimits } from '../../../data-plane/kafka/producer-types.ts';
import { Producers, loadKafkaClient, type ProducersOptions } from '../../../data-plane/kafka/producers.ts';
import { createLogger, silentLogger } from '../../../shared/log.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { FakeKafkaClient, testCluster, testLimits, testRecord } from './fake-kafka-client.ts';

const brokerA = { host: 'a.invalid', port: 9092 };
const brokerB = { host: 'b.invalid', port: 9093 };
/** As a test has it, in place of a minute. */
const labelSettleMs = 20;

describe('shared producers', () => {
  let clients: FakeKafkaClient[];
  let lines: string[];
  const open: Producers[] = [];

  beforeEach(() => {
    clients = [];
    lines = [];
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((producers) => producers.close(0)));
  });

  function start(options: Partial<ProducersOptions> = {}): Producers {
    const producers = new Producers({
      kafkaClient: 'kafkajs',
      producerMemoryMaxBytes: 100_000_000,
      logger: createLogger({ level: 'info', format: 'json', write: (line) => void lines.push(line) }),
      metrics: new Registry(),
      createClient({ events }) {
        const client = new FakeKafkaClient();
        client.topics.set('t', 1);
        client.events = events;
        clients.push(client);
        return client;
      },
      labelSettleMs,
      ...options,
    });
    open.push(producers);
    return producers;
  }

  function acquire(
    producers: Producers,
    cluster: Partial<ClusterSettings> = {},
    { label = 'orders', limits = {} }: { label?: string; limits?: Partial<ProducerLimits> } = {},
  ): ProducerLease {
    return producers.acquire({
      cluster: { ...testCluster, ...cluster },
      limits: { ...testLimits, ...limits },
      label,
    });
  }

  const clashes = (label = 'orders'): number =>
    lines.filter((line) => line.includes('kafka_label_clash') && line.includes(`"cluster":"${label}"`)).length;

  /** Resolves when a clash that began before now has been told. */
  async function untilClashesAreTold(producers: Producers): Promise<void> {
    for (const acks of [0, 1] as const) acquire(producers, { acks, bootstrapServers: [brokerB] }, { label: 'witness' });
    await waitFor(() => clashes('witness') > 0, { what: 'the warning of the last clash', pollMs: 2 });
  }

  describe('are shared', () => {
    const oauth = (extensions: Record<string, string>): Partial<ClusterSettings> => ({
      sasl: {
        mechanism: 'OAUTHBEARER',
        tokenEndpointUrl: 'http://t.invalid',
        tokenEndpointTlsVerify: true,
        clientId: 'c',
        clientSecret: 's',
        scopes: [],
        extensions,
      },
    });
    const same: [what: string, first: Partial<ClusterSettings>, second: Partial<ClusterSettings>][] = [
      ['equal settings', {}, {}],
      ['servers in another order', { bootstrapServers: [brokerA, brokerB] }, { bootstrapServers: [brokerB, brokerA] }],
      ['servers that are repeated', { bootstrapServers: [brokerA] }, { bootstrapServers: [brokerA, brokerA] }],
      ['extensions in another order', oauth({ a: '1', b: '2' }), oauth({ b: '2', a: '1' })],
    ];
    for (const [what, first, second] of same) {
      it(`by ${what}`, () => {
        const producers = start();
        acquire(producers, first);
        acquire(producers, second, { label: 'other' });
        expect(clients).to.have.length(1);
        expect(producers.clusters().map(({ name }) => name)).to.deep.equal(['orders']);
      });
    }

    const different: [what: string, settings: Partial<ClusterSettings>][] = [
      ['servers', { bootstrapServers: [brokerA] }],
      ['acks', { acks: 1 }],
      ['compression', { compression: 'gzip' }],
      ['a partitioner', { partitioner: 'crc32' }],
      ['a login', { sasl: { mechanism: 'PLAIN', username: 'u', password: 'p' } }],
      ['TLS', { tls: { verify: true, ca: null, certificate: null, key: null } }],
    ];
    for (const [what, settings] of different) {
      it(`not with other ${what}`, () => {
        const producers = start();
        acquire(producers);
        acquire(producers, settings, { label: 'other' });
        expect(clients).to.have.length(2);
      });
    }
  });

  const soon = (ms = 5000): number => performance.now() + ms;
  /** The one client, once it has been handed so many batches. */
  async function clientWithBatches(count: number): Promise<FakeKafkaClient> {
    const [client] = clients;
    if (client === undefined) throw new Error('no client');
    await waitFor(() => client.sent.length >= count, { what: `batch ${count}`, timeoutMs: 3000, pollMs: 2 });
    return client;
  }

  describe('by their leases', () => {
    it('live until the last is released, each once', async () => {
      const producers = start();
      const [first, second] = [acquire(producers), acquire(producers)];
      first.release();
      first.release();
      const verdict = second.publish('t', testRecord('a'), soon());
      const client = await clientWithBatches(1);
      client.sent[0]?.ack(3n);
      expect(await verdict).to.include({ outcome: 'acked', offset: '3' });
      expect(client.closed).to.equal(false);
      second.release();
      await waitFor(() => client.closed, { what: 'the client is closed', pollMs: 2 });
      expect(producers.clusters()).to.deep.equal([]);
    });

    it('are made anew after the last', () => {
      const producers = start();
      acquire(producers).release();
      acquire(producers);
      expect(clients).to.have.length(2);
      expect(producers.clusters()).to.have.length(1);
    });

    it('have the limits of those that there are', async () => {
      const producers = start();
      const plain = acquire(producers);
      const small = acquire(producers, {}, { limits: { batchRecordsMax: 1 } });
      const sizes = async (batches: number): Promise<number[]> => {
        const from = clients[0]?.sent.length ?? 0;
        const verdicts = ['a', 'b'].map((value) => plain.publish('t', testRecord(value, 'key'), soon()));
        for (let count = 1; count <= batches; count++) (await clientWithBatches(from + count)).sent.at(-1)?.ack();
        await Promise.all(verdicts);
        return clients[0]?.sent.slice(from).map(({ values }) => values.length) ?? [];
      };
      expect(await sizes(2)).to.deep.equal([1, 1]);
      small.release();
      expect(await sizes(1)).to.deep.equal([2]);
    });

    it('have the health gates that each asks for', () => {
      const producers = start();
      const health = { failureThreshold: 1, probeIntervalMs: 60_000, recoveryThreshold: 1 };
      const gated = producers.acquire({ cluster: testCluster, limits: testLimits, label: 'orders', health });
      const open = acquire(producers);
      clients[0]?.status({ state: 'failing', error: 'down', loginRefused: false });
      expect(gated.enqueue('t', testRecord('a'), soon())).to.include({ code: 'KAFKA_UNAVAILABLE' });
      expect(open.enqueue('t', testRecord('a'), soon())).to.include({ outcome: 'accepted' });
    });
  });

  describe('at their end', () => {
    it('send what is queued before they close, after the last release', async () => {
      const producers = start();
      const lease = acquire(producers);
      const verdict = lease.publish('t', testRecord('a'), soon());
      lease.release();
      const client = await clientWithBatches(1);
      expect(client.closed).to.equal(false);
      client.sent[0]?.ack();
      expect(await verdict).to.include({ outcome: 'acked' });
      await waitFor(() => client.closed, { what: 'the client is closed', pollMs: 2 });
    });

    for (const released of [false, true]) {
      it(`are waited for by close, ${released ? 'released' : 'leased'}`, async () => {
        const producers = start();
        const lease = acquire(producers);
        const verdict = lease.publish('t', testRecord('a'), soon());
        const client = await clientWithBatches(1);
        if (released) lease.release();
        const closed = producers.close(soon());
        client.sent[0]?.ack();
        await closed;
        expect(client.closed).to.equal(true);
        expect(await verdict).to.include({ outcome: 'acked' });
        expect(await lease.publish('t', testRecord('b'), soon())).to.include({ code: 'SHUTTING_DOWN' });
        lease.release();
        expect(producers.clusters()).to.deep.equal([]);
      });
    }

    it('answer what is left when the time to close is over', async () => {
      const producers = start();
      const lease = acquire(producers);
      const sent = lease.publish('t', testRecord('a', 'key'), soon());
      await clientWithBatches(1);
      const waits = lease.publish('t', testRecord('b', 'key'), soon());
      await producers.close(0);
      expect(await sent).to.include({ outcome: 'unknown' });
      expect(await waits).to.include({ outcome: 'not_sent', code: 'SHUTTING_DOWN' });
    });
  });

  it('tell the state of each cluster', () => {
    const producers = start();
    acquire(producers, { bootstrapServers: [brokerA, brokerB] });
    acquire(producers, {}, { label: 'other' });
    const error = 'refused';
    clients[1]?.status({ state: 'failing', error, loginRefused: false });
    expect(producers.clusters()).to.deep.equal([
      { name: 'orders', brokers: 'a.invalid:9092,b.invalid:9093', state: 'connected', error: null },
      { name: 'other', brokers: 'kafka.invalid:9092', state: 'failing', error },
    ]);
  });

  it('share the memory of the node', () => {
    const producers = start({ producerMemoryMaxBytes: 100 });
    const [first, second] = [acquire(producers), acquire(producers, { acks: 1 }, { label: 'other' })];
    const record = testRecord('x'.repeat(80));
    expect(first.enqueue('t', record, soon())).to.include({ outcome: 'accepted' });
    expect(second.enqueue('t', record, soon())).to.include({ code: 'PRODUCER_OVERLOADED' });
  });

  for (const kafkaClient of ['kafkajs', 'platformatic'] as const) {
    it(`use ${kafkaClient} once it is loaded`, async () => {
      await loadKafkaClient(kafkaClient);
      const producers = new Producers({
        kafkaClient,
        producerMemoryMaxBytes: 1000,
        logger: silentLogger(),
        metrics: new Registry(),
      });
      open.push(producers);
      // Nothing listens there.
      acquire(producers, { bootstrapServers: [{ host: '127.0.0.1', port: 1 }] });
      await waitFor(() => producers.clusters()[0]?.state === 'failing', { what: 'the client has tried', pollMs: 5 });
      expect(producers.clusters()[0]?.error).to.be.a('string');
    });
  }

  describe('with one label', () => {
    it('are told of, once, when two stay in use', async () => {
      const producers = start();
      acquire(producers, { acks: 1 });
      const changed = acquire(producers, { acks: 0 });
      expect(clashes()).to.equal(0);
      await waitFor(() => clashes() > 0, { what: 'the warning', pollMs: 2 });
      expect(lines.join('')).to.include('"producers":2');
      // The settings of one of the two change: still the same clash.
      acquire(producers, { acks: -1 });
      changed.release();
      await untilClashesAreTold(producers);
      expect(clashes()).to.equal(1);
    });

    it('are told of again when a clash that was over comes back', async () => {
      const producers = start();
      acquire(producers, { acks: 1 });
      for (const count of [1, 2]) {
        const other = acquire(producers, { acks: 0 });
        await waitFor(() => clashes() === count, { what: 'the warning', pollMs: 2 });
        other.release();
      }
    });

    it('are no clash while a plugin changes its settings', async () => {
      const producers = start();
      let lease = acquire(producers, { requestTimeoutMs: 1 });
      for (const requestTimeoutMs of [2, 3]) {
        const next = acquire(producers, { requestTimeoutMs });
        lease.release();
        lease = next;
      }
      await untilClashesAreTold(producers);
      expect(clashes()).to.equal(0);
    });
  });
});
