import { expect } from 'chai';
import { Registry } from 'prom-client';
import type { ClusterSettings, ProducerLease, ProducerLimits, Producers } from '../../../data-plane/kafka/producer.ts';
import { createProducers, type ProducersOptions } from '../../../data-plane/kafka/producers.ts';
import { createLogger } from '../../../shared/log.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { FakeKafkaClient, testCluster, testLimits } from './fake-kafka-client.ts';

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
    const producers = createProducers({
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
