import { expect } from 'chai';
import { Registry } from 'prom-client';
import type { ProducerLease } from '../../../data-plane/kafka/producer-lease.ts';
import type { ClusterSettings, ProducerLimits } from '../../../data-plane/kafka/producer-types.ts';
import { Producers, loadKafkaClient, type ProducersOptions } from '../../../data-plane/kafka/producers.ts';
import { createLogger, silentLogger } from '../../../shared/log.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { KafkaError } from '../../../data-plane/kafka/kafka-error.ts';
import { FakeKafkaClient, testCluster, testLimits, testRecord } from './fake-kafka-client.ts';

const brokerA = { host: 'a.invalid', port: 9092 };
const brokerB = { host: 'b.invalid', port: 9093 };
/** As a test has it, in place of a minute. */

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
      ...options,
    });
    open.push(producers);
    return producers;
  }

  function acquire(
    producers: Producers,
    cluster: Partial<ClusterSettings> = {},
    {
      label = 'orders',
      topics = [],
      limits = {},
    }: { label?: string; topics?: string[]; limits?: Partial<ProducerLimits> } = {},
  ): ProducerLease {
    return producers.acquire({
      cluster: { ...testCluster, ...cluster },
      limits: { ...testLimits, ...limits },
      label: () => label,
      topics,
    });
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
      const gated = producers.acquire({
        cluster: testCluster,
        limits: testLimits,
        label: () => 'orders',
        topics: [],
        health,
      });
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
      // A host that does not exist is told as soon.
      acquire(producers, { bootstrapServers: [{ host: 'nowhere.invalid', port: 9092 }] }, { label: 'nowhere' });
      const nowhere = () => producers.destinations().find(({ name }) => name === 'nowhere');
      await waitFor(() => nowhere()?.state === 'unreachable', { what: 'the host is not found', timeoutMs: 5_000 });
      expect(nowhere()?.error).to.match(/ENOTFOUND|EAI_AGAIN/);
    });
  }

  describe('of one cluster', () => {
    it('are one in status and metrics, with the worst of their states', async () => {
      const metrics = new Registry();
      const producers = start({ metrics });
      acquire(producers, { acks: 1 }, { topics: ['t'] });
      acquire(producers, { acks: -1 }, { topics: ['t', 'u'] });
      const error = 'refused';
      clients[1]?.status({ state: 'failing', error, loginRefused: false });
      expect(producers.clusters()).to.deep.equal([
        { name: 'orders', brokers: 'kafka.invalid:9092', state: 'failing', error },
      ]);
      expect(producers.destinations()).to.deep.include({
        kind: 'cluster',
        name: 'orders',
        state: 'unreachable',
        error,
      });
      const text = await metrics.metrics();
      expect(text).to.include('sluice_kafka_cluster_up{cluster="orders"} 0');
      expect(text).to.include(`sluice_kafka_queue_records_limit{cluster="orders"} ${2 * testLimits.queueRecordsMax}`);
      expect(text).to.include('sluice_kafka_memory_limit_bytes 100000000');
      expect(text).to.include('sluice_kafka_memory_bytes 0');
      expect(text).to.match(/^sluice_kafka_queue_limit_bytes\{cluster="orders"\} [1-9]\d*$/m);
      clients[1]?.status({ state: 'connected', error: null, loginRefused: false });
      expect(await metrics.metrics()).to.include('sluice_kafka_cluster_up{cluster="orders"} 1');
    });

    it('follow a name that changes while they run, that of the first plugin that still holds them', async () => {
      const metrics = new Registry();
      const producers = start({ metrics });
      let first = 'before';
      const options = { cluster: testCluster, limits: testLimits, topics: ['t'] };
      const lease = producers.acquire({ ...options, label: () => first });
      producers.acquire({ ...options, label: () => 'second' });
      const acked = async (): Promise<string> => {
        const client = clients[0];
        if (client !== undefined) client.onSent = (sent) => sent.ack();
        await lease.publish('t', testRecord('v'), soon());
        return metrics.metrics();
      };
      const line = (cluster: string): string =>
        `sluice_kafka_records_total{cluster="${cluster}",topic="t",outcome="acked"} 1`;
      expect(await acked()).to.include(line('before'));
      first = 'after';
      expect(await acked()).to.include(line('after'));
      lease.release();
      expect(await acked()).to.include(line('second'));
      expect(producers.clusters().map(({ name }) => name)).to.deep.equal(['second']);
    });
  });

  describe('try what a configuration names', () => {
    const states = (producers: Producers): string[] =>
      producers.destinations().map(({ name, state, error }) => `${name} ${state}${error === null ? '' : `: ${error}`}`);
    const unknownTopic = new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', 'none', { retriable: true, wire: 'verdict' });

    it('without a request: cluster and topics, until they can be used', async () => {
      const producers = start();
      acquire(producers, {}, { topics: ['t', 'missing'] });
      const [client] = clients;
      if (client === undefined) throw new Error('no client');
      client.refusals.set('missing', unknownTopic);
      expect(states(producers)).to.deep.equal(['orders reachable', 'orders/t untested', 'orders/missing untested']);
      const settled = [
        'orders reachable',
        'orders/t reachable',
        'orders/missing unreachable: The topic does not exist.',
      ];
      await waitFor(() => states(producers).join() === settled.join(), { what: 'the topics', pollMs: 2 });
      expect(client.metadataRequests[0]).to.equal('t,missing');
      expect(lines.filter((line) => line.includes('kafka_topic_refused'))).to.have.length(1);
      expect(lines.join('')).to.include('"topic":"missing"').and.include('"code":"TOPIC_NOT_FOUND"');
      // The operator makes the topic: nobody has to ask.
      client.refusals.delete('missing');
      client.topics.set('missing', 1);
      await waitFor(() => states(producers)[2] === 'orders/missing reachable', { what: 'the topic', pollMs: 5 });
      expect(lines.join('')).to.include('"event":"kafka_topic_found"');
    });

    it('and say nothing of the topics of a cluster that cannot be reached', () => {
      const producers = start();
      acquire(producers, {}, { topics: ['t'] });
      clients[0]?.status({ state: 'failing', error: 'connect ECONNREFUSED', loginRefused: false });
      expect(states(producers)).to.deep.equal(['orders unreachable: connect ECONNREFUSED']);
    });

    it('as long as a plugin names it', async () => {
      const producers = start();
      const lease = acquire(producers, {}, { topics: ['t'] });
      acquire(producers, {}, { topics: ['u'] });
      lease.release();
      expect(states(producers).map((text) => text.split(' ')[0])).to.deep.equal(['orders', 'orders/u']);
    });
  });
});
