import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { Registry } from 'prom-client';
import { type KafkaCluster, startKafkaCluster } from '../../../control-plane/cli/services/kafka-cluster.ts';
import type { ProducerLease, Producers, Verdict } from '../../../data-plane/kafka/producer.ts';
import { createProducers, type KafkaClientName } from '../../../data-plane/kafka/producers.ts';
import { createLogger } from '../../../shared/log.ts';
import { createTopic, readTopic } from '../../helpers/kafka.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { testCluster, testLimits } from './fake-kafka-client.ts';

const deliveryTimeoutMs = 1500;
const concurrency = 32;
/** On a busy machine the event loop itself is late. */
const lateMs = 500;

interface Answered {
  readonly verdict: Verdict;
  readonly tookMs: number;
}

describe('a broker that fails', function () {
  this.timeout(120_000);
  let cluster: KafkaCluster;
  let folder: Awaited<ReturnType<typeof tempFolder>>;
  before(async () => {
    folder = await tempFolder();
    cluster = await startKafkaCluster({
      directory: folder.path,
      heap: '256m',
      // A killed broker may come back when the controller has given it up: 9 s by default.
      properties: { 'broker.session.timeout.ms': '2000', 'broker.heartbeat.interval.ms': '500' },
    });
  });
  after(async () => {
    await cluster.stop();
    await folder.remove();
  });

  for (const kafkaClient of ['kafkajs', 'platformatic'] as const) {
    describe(kafkaClient, () => {
      let producers: Producers;
      let lease: ProducerLease;
      let lines: string[];
      beforeEach(() => {
        lines = [];
        ({ producers, lease } = openProducers(kafkaClient, cluster.bootstrapServers, lines));
      });
      afterEach(async () => {
        lease.release();
        await producers.close(performance.now() + 500);
      });

      it('killed and started again: nothing acked is lost, nothing refused is written, answers are in time', async () => {
        const topic = await createTopic('killed', { partitions: 4, brokers: cluster.bootstrapServers });
        const load = startLoad(lease, topic);
        await waitFor(() => load.answers.size > 500, { what: 'records before the fault', timeoutMs: 20_000 });
        await cluster.brokers[0]?.kill('SIGKILL');
        await waitFor(() => outcomes(load.answers).not_sent > 20, { what: 'answers without Kafka', timeoutMs: 20_000 });
        expect(producers.clusters()[0]?.state).to.equal('failing');
        await cluster.brokers[0]?.start();
        const backMs = performance.now();
        const before = outcomes(load.answers).acked;
        await waitFor(() => outcomes(load.answers).acked > before + 500, { what: 'recovery', timeoutMs: 30_000 });
        expect(performance.now() - backMs).to.be.lessThan(10_000);
        await load.stop();
        await checkOracle(topic, load.answers, cluster);
        expect(events(lines)).to.deep.equal(['kafka_connected', 'kafka_failing', 'kafka_connected']);
      });

      it('stopped for longer than the delivery time-out and woken: unknown, and no refused record appears', async () => {
        const topic = await createTopic('stopped', { partitions: 4, brokers: cluster.bootstrapServers });
        const load = startLoad(lease, topic);
        await waitFor(() => load.answers.size > 500, { what: 'records before the fault', timeoutMs: 20_000 });
        await cluster.brokers[0]?.kill('SIGSTOP');
        try {
          await waitFor(() => outcomes(load.answers).not_sent > 20, {
            what: 'answers without Kafka',
            timeoutMs: 20_000,
          });
        } finally {
          await cluster.brokers[0]?.kill('SIGCONT');
        }
        expect(outcomes(load.answers).unknown).to.be.greaterThan(0);
        const before = outcomes(load.answers).acked;
        await waitFor(() => outcomes(load.answers).acked > before + 500, { what: 'recovery', timeoutMs: 30_000 });
        await load.stop();
        await checkOracle(topic, load.answers, cluster);
      });
    });
  }
});

function openProducers(kafkaClient: KafkaClientName, brokers: string, lines: string[]) {
  const producers = createProducers({
    kafkaClient,
    producerMemoryMaxBytes: 100_000_000,
    logger: createLogger({ level: 'info', format: 'json', write: (line) => lines.push(line) }),
    metrics: new Registry(),
  });
  const [host = '', port = ''] = brokers.split(':');
  const lease = producers.acquire({
    label: 'faults',
    cluster: {
      ...testCluster,
      bootstrapServers: [{ host, port: Number(port) }],
      connectTimeoutMs: 2000,
      requestTimeoutMs: 1000,
    },
    limits: { ...testLimits, retryBackoffMs: 50 },
  });
  return { producers, lease };
}

/** Numbered records, half of them with keys, in a closed loop. */
function startLoad(lease: ProducerLease, topic: string) {
  const answers = new Map<number, Answered>();
  let next = 0;
  let running = true;
  async function client(index: number): Promise<void> {
    while (running) {
      const number = next++;
      const startedMs = performance.now();
      const record = {
        key: index % 2 === 0 ? Buffer.from(`k${index}`) : null,
        value: Buffer.from(`${number}`),
        headers: [],
      };
      const verdict = await lease.publish(topic, record, startedMs + deliveryTimeoutMs);
      answers.set(number, { verdict, tookMs: performance.now() - startedMs });
      await delay(verdict.outcome === 'acked' ? 1 : 20);
    }
  }
  const clients = Array.from({ length: concurrency }, (_, index) => client(index));
  return {
    answers,
    stop: async () => {
      running = false;
      await Promise.all(clients);
    },
  };
}

function outcomes(answers: ReadonlyMap<number, Answered>): Record<Verdict['outcome'], number> {
  const counts = { acked: 0, accepted: 0, rejected: 0, not_sent: 0, unknown: 0 };
  for (const { verdict } of answers.values()) counts[verdict.outcome]++;
  return counts;
}

/** bench.md: acked but absent, or refused but present, is a lie. */
async function checkOracle(
  topic: string,
  answers: ReadonlyMap<number, Answered>,
  cluster: KafkaCluster,
): Promise<void> {
  const written = new Set<number>();
  const places = new Map<string, number>();
  for (const { value, partition, offset } of await readTopic(topic, cluster.bootstrapServers)) {
    written.add(Number(value));
    places.set(`${partition}/${offset}`, Number(value));
  }
  const lost: number[] = [];
  const misplaced: number[] = [];
  const wronglyWritten: number[] = [];
  let longestMs = 0;
  for (const [number, { verdict, tookMs }] of answers) {
    longestMs = Math.max(longestMs, tookMs);
    if (verdict.outcome === 'acked') {
      if (!written.has(number)) lost.push(number);
      if (places.get(`${verdict.partition}/${verdict.offset}`) !== number) misplaced.push(number);
    }
    if ((verdict.outcome === 'not_sent' || verdict.outcome === 'rejected') && written.has(number))
      wronglyWritten.push(number);
  }
  expect({ lost, misplaced, wronglyWritten }).to.deep.equal({ lost: [], misplaced: [], wronglyWritten: [] });
  expect(longestMs).to.be.lessThan(deliveryTimeoutMs + lateMs);
}

function events(lines: readonly string[]): string[] {
  return lines.map((line) => {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === 'object' && parsed !== null && 'event' in parsed ? String(parsed.event) : '';
  });
}
