import { expect } from 'chai';
import { type KafkaCluster, startKafkaCluster } from '../../../control-plane/cli/services/kafka-cluster.ts';
import { createTopic } from '../../helpers/kafka.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { checkOracle, openProducers, outcomes, startLoad } from './numbered-load.ts';

describe('three brokers', function () {
  this.timeout(180_000);
  let cluster: KafkaCluster;
  let folder: Awaited<ReturnType<typeof tempFolder>>;
  before(async () => {
    folder = await tempFolder();
    cluster = await startKafkaCluster({
      directory: folder.path,
      brokers: 3,
      heap: '256m',
      properties: { 'broker.session.timeout.ms': '2000', 'broker.heartbeat.interval.ms': '500' },
    });
  });
  after(async () => {
    await cluster.stop();
    await folder.remove();
  });

  for (const kafkaClient of ['kafkajs', 'platformatic'] as const) {
    it(`one is killed: its partitions move, nothing is lost or wrongly written (${kafkaClient})`, async () => {
      const topic = await createTopic('moves', {
        partitions: 6,
        replicationFactor: 3,
        configs: { 'min.insync.replicas': '2' },
        brokers: cluster.bootstrapServers,
      });
      const { producers, lease } = openProducers(kafkaClient, cluster.bootstrapServers, []);
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
        await checkOracle(topic, load.answers, cluster.bootstrapServers);
        expect(producers.clusters()[0]?.state).to.equal('connected');
      } finally {
        lease.release();
        await producers.close(performance.now() + 500);
      }
    });
  }
});
