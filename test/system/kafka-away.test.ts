import { expect } from 'chai';
import { type KafkaCluster, startKafkaCluster } from '../../control-plane/cli/services/kafka-cluster.ts';
import { bootstrapServers, makeKafkaRoute } from '../helpers/admin.ts';
import { Closing } from '../helpers/closing.ts';
import { createTopic, readTopic } from '../helpers/kafka.ts';
import { post } from '../helpers/post.ts';
import { type DataPlaneProcess, runControlPlane, runDataPlane } from '../helpers/sluice-process.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { waitFor } from '../helpers/wait-for.ts';

const deliveryTimeoutMs = 1_500;

describe('Kafka stopped and started again', function () {
  this.timeout(120_000);
  const closing = new Closing();
  let kafka: KafkaCluster;
  let topic: string;
  const nodes = new Map<string, DataPlaneProcess>();

  before(async () => {
    const temp = await tempFolder();
    closing.add(() => temp.remove());
    kafka = await startKafkaCluster({ directory: `${temp.path}/kafka`, heap: '256m' });
    closing.add(() => kafka.stop());
    topic = await createTopic('away', { partitions: 2, brokers: kafka.bootstrapServers });
    const controlPlane = await runControlPlane({ folder: temp.path });
    closing.add(() => controlPlane.stop());
    for (const client of ['kafkajs', 'platformatic']) {
      const node = await runDataPlane({
        folder: `${temp.path}/${client}`,
        controlPlane: controlPlane.cluster,
        args: [`--kafka-client=${client}`],
      });
      closing.add(() => node.stop());
      nodes.set(client, node);
    }
    await makeKafkaRoute(controlPlane.admin, {
      name: 'away',
      path: '/away',
      config: {
        bootstrap_servers: bootstrapServers(kafka.bootstrapServers),
        topic,
        record_value: 'body',
        delivery_timeout: deliveryTimeoutMs,
        timeout: 1_000,
      },
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
    const values = (await readTopic(topic, kafka.bootstrapServers)).map(({ value }) => value?.toString() ?? '');
    const ids = values.map((value) => (JSON.parse(value) as { id?: string }).id);
    expect(ids.filter((id) => id !== undefined && refused.includes(id))).to.deep.equal([]);
    expect(values.filter((value) => value.includes('back'))).to.have.length.at.least(2);
  });

  it('is ready all the while and shows the cluster', async () => {
    for (const node of nodes.values()) {
      const ready = await fetch(`${node.status}/status/ready`);
      expect(ready.status).to.equal(200);
      expect(JSON.stringify(await ready.json())).to.contain('connected');
    }
  });
});
