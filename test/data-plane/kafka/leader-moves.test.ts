import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import type { KafkaCluster } from '../../../control-plane/cli/services/kafka-cluster.ts';
import { createTopic } from '../../helpers/kafka.ts';
import { withAdmin } from '../../helpers/kafka-admin.ts';
import { testedClients } from '../../helpers/kafka-clients.ts';
import { sharedBrokers } from '../../helpers/shared-brokers.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { checkOracle, openProducers, outcomes, startLoad } from './numbered-load.ts';

describe('three brokers', function () {
  this.timeout(180_000);
  let cluster: KafkaCluster;
  before(async () => {
    cluster = await sharedBrokers();
  });

  for (const kafkaClient of testedClients) {
    it(`one is killed: its partitions move, nothing is lost or wrongly written (${kafkaClient})`, async () => {
      const topic = await createTopic('moves', {
        partitions: 6,
        replicationFactor: 3,
        configs: { 'min.insync.replicas': '2' },
        brokers: cluster.internalServers,
      });
      const { producers, lease } = openProducers(kafkaClient, cluster.internalServers, []);
      try {
        const load = startLoad(lease, topic);
        await waitFor(() => load.answers.size > 500, { what: 'records before the fault', timeoutMs: 20_000 });
        const victim = cluster.brokers[2];
        await victim?.kill('SIGKILL');
        const moved = (): boolean => {
          const last = [...load.answers.values()].slice(-200);
          return last.length === 200 && last.every(({ verdict }) => verdict.outcome === 'acked');
        };
        const failedBefore = load.answers.size;
        await waitFor(() => load.answers.size > failedBefore + 400 && moved(), {
          what: 'the partitions to move',
          timeoutMs: 30_000,
        });
        await victim?.start();
        const before = outcomes(load.answers).acked;
        await waitFor(() => outcomes(load.answers).acked > before + 500, { what: 'recovery', timeoutMs: 30_000 });
        await load.stop();
        await checkOracle(topic, load.answers, cluster.internalServers);
        expect(producers.clusters()[0]?.state).to.equal('connected');
      } finally {
        lease.release();
        await producers.close(performance.now() + 500);
      }
    });

    it(`one hangs: async records for its partition stay refused though the others answer (${kafkaClient})`, async () => {
      const topic = await createTopic('hangs', { brokers: cluster.internalServers });
      const leader = await withAdmin(cluster.internalServers, async (admin) => {
        const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
        return topics[0]?.partitions[0]?.leader;
      });
      const victim = cluster.brokers.find(({ id }) => id === leader);
      const lines: string[] = [];
      const health = { failureThreshold: 2, probeIntervalMs: 100, recoveryThreshold: 2 };
      const { producers, lease } = openProducers(kafkaClient, cluster.internalServers, lines, health);
      const record = { key: null, value: Buffer.from('1'), headers: [] };
      const enqueue = () => lease.enqueue(topic, record, performance.now() + 1000).outcome;
      const has = (event: string) => lines.some((line) => line.includes(event));
      try {
        const isAcked = async () => (await lease.publish(topic, record, performance.now() + 5000)).outcome === 'acked';
        await waitFor(isAcked, { what: 'a first record', timeoutMs: 30_000 });
        await victim?.kill('SIGSTOP');
        try {
          await waitFor(() => enqueue() === 'not_sent', { what: 'the gate to close', timeoutMs: 20_000 });
          // Many probes later, each of which some broker could have answered.
          for (const untilMs = performance.now() + 2000; performance.now() < untilMs; await delay(20)) {
            expect(enqueue()).to.equal('not_sent');
          }
          expect(producers.clusters()[0]?.state).to.equal('connected');
          expect(has('kafka_gate_opened')).to.equal(false);
        } finally {
          await victim?.kill('SIGCONT');
        }
        await waitFor(() => enqueue() !== undefined && has('kafka_gate_opened'), {
          what: 'the ack of a record on trial',
          timeoutMs: 30_000,
        });
      } finally {
        lease.release();
        await producers.close(performance.now() + 500);
      }
    });
  }
});
