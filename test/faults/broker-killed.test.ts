import { expect } from 'chai';
import { type KafkaCluster, startKafkaCluster } from '../../control-plane/cli/services/kafka-cluster.ts';
import { bootstrapServers, makeKafkaRoute } from '../helpers/admin.ts';
import { Closing } from '../helpers/closing.ts';
import { createTopic, readTopic } from '../helpers/kafka.ts';
import { type ControlPlaneProcess, runControlPlane, runDataPlane } from '../helpers/sluice-process.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { judge, startNumberedLoad } from './oracle.ts';

const isLong = process.env['SLUICE_TEST_FAULTS'] === 'long';
const rounds = isLong ? 10 : 1;
const ackedEachRound = isLong ? 2_000 : 400;
const deliveryTimeoutMs = 3_000;

describe('a broker killed and restarted under numbered requests', function () {
  this.timeout(isLong ? 900_000 : 120_000);
  const closing = new Closing();
  let folder: string;
  let kafka: KafkaCluster;
  let controlPlane: ControlPlaneProcess;

  before(async () => {
    const temp = await tempFolder();
    closing.add(() => temp.remove());
    folder = temp.path;
    kafka = await startKafkaCluster({ directory: `${folder}/kafka`, heap: '256m' });
    closing.add(() => kafka.stop());
    controlPlane = await runControlPlane({ folder });
    closing.add(() => controlPlane.stop());
  });
  after(() => closing.close());

  for (const client of ['kafkajs', 'platformatic']) {
    it(`keeps every promise with ${client}`, async () => {
      const [broker] = kafka.brokers;
      if (broker === undefined) throw new Error('no broker');
      const topic = await createTopic('killed', { partitions: 4, brokers: kafka.bootstrapServers });
      const node = await runDataPlane({
        folder: `${folder}/${client}`,
        controlPlane: controlPlane.cluster,
        args: [`--kafka-client=${client}`],
      });
      closing.add(() => node.stop());
      await makeKafkaRoute(controlPlane.admin, {
        name: client,
        path: `/${client}`,
        config: {
          bootstrap_servers: bootstrapServers(kafka.bootstrapServers),
          topic,
          record_value: 'body',
          key_query_arg: 'key',
          delivery_timeout: deliveryTimeoutMs,
        },
      });
      const load = startNumberedLoad({ url: `${node.proxy}/${client}`, workers: 32 });
      for (let round = 0; round < rounds; round += 1) {
        await load.seen('acked', ackedEachRound);
        await broker.kill('SIGKILL');
        // The fault is seen: requests that were told that their record was not sent.
        await load.seen('not_sent', 32);
        await broker.start();
        await load.seen('acked', ackedEachRound);
      }
      const judged = judge(
        await load.stop(),
        (await readTopic(topic, kafka.bootstrapServers)).map(({ key, value, partition, offset }) => ({
          key: key?.toString() ?? null,
          value: value?.toString() ?? '',
          partition,
          offset,
        })),
      );
      const { lost, wronglyWritten, ...figures } = judged;
      console.log(
        `      ${client}: ${JSON.stringify({ ...figures, lost: lost.length, wronglyWritten: wronglyWritten.length })}`,
      );
      expect(lost, 'acked but not in the topic').to.deep.equal([]);
      expect(wronglyWritten, 'refused but in the topic').to.deep.equal([]);
      expect(judged.disordered, 'order a key').to.equal(0);
      expect(judged.outcomes['none'] ?? 0, 'requests without an answer').to.equal(0);
      expect(judged.longestAnswerMs, 'answers in time').to.be.below(deliveryTimeoutMs + 1_000);
      await node.stop();
    });
  }
});
