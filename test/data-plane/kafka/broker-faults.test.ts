import { expect } from 'chai';
import { type KafkaCluster, startKafkaCluster } from '../../../control-plane/cli/services/kafka-cluster.ts';
import type { ProducerLease } from '../../../data-plane/kafka/producer-lease.ts';
import type { Verdict } from '../../../data-plane/kafka/producer-types.ts';
import type { Producers } from '../../../data-plane/kafka/producers.ts';
import { createTopic } from '../../helpers/kafka.ts';
import { testedClients } from '../../helpers/kafka-clients.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { checkOracle, openProducers, outcomes, startLoad } from './numbered-load.ts';

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

  for (const kafkaClient of testedClients) {
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
        await checkOracle(topic, load.answers, cluster.bootstrapServers);
        expect(events(lines)).to.deep.equal(['kafka_connected', 'kafka_failing', 'kafka_connected']);
      });

      it('stopped and woken: async records are refused at once meanwhile, and taken again', async () => {
        const topic = await createTopic('gated', { brokers: cluster.bootstrapServers });
        const gated = openProducers(kafkaClient, cluster.bootstrapServers, lines, {
          failureThreshold: 2,
          probeIntervalMs: 100,
          recoveryThreshold: 2,
        });
        const enqueue = (): Verdict =>
          gated.lease.enqueue(topic, { key: null, value: Buffer.from('1'), headers: [] }, performance.now() + 1000);
        try {
          expect((await gated.lease.publish(topic, { key: null, value: null, headers: [] }, soon())).outcome).to.equal(
            'acked',
          );
          expect(enqueue().outcome).to.equal('accepted');
          expect(events(lines)).to.not.include('kafka_gate_closed');
          await cluster.brokers[0]?.kill('SIGSTOP');
          try {
            await waitFor(() => enqueue().outcome === 'not_sent', { what: 'the gate to close', timeoutMs: 20_000 });
            expect(enqueue()).to.include({ outcome: 'not_sent', code: 'KAFKA_UNAVAILABLE' });
          } finally {
            await cluster.brokers[0]?.kill('SIGCONT');
          }
          await waitFor(() => enqueue().outcome === 'accepted', { what: 'the gate to open', timeoutMs: 20_000 });
          await waitFor(() => enqueue() !== undefined && events(lines).includes('kafka_gate_opened'), {
            what: 'the ack of a record on trial',
            timeoutMs: 20_000,
          });
          expect(events(lines)).to.include('kafka_gate_closed');
        } finally {
          gated.lease.release();
          await gated.producers.close(performance.now() + 2000);
        }
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
        await checkOracle(topic, load.answers, cluster.bootstrapServers);
      });
    });
  }
});

const soon = (): number => performance.now() + 5000;

function events(lines: readonly string[]): string[] {
  return lines.map((line) => {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === 'object' && parsed !== null && 'event' in parsed ? String(parsed.event) : '';
  });
}
