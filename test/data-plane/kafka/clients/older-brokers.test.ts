import { expect } from 'chai';
import { KafkaError } from '../../../../data-plane/kafka/kafka-error.ts';
import type { BrokerConnection } from '../../../../data-plane/kafka/clients/broker-connection.ts';
import { askMetadata, produceOn } from '../../../../data-plane/kafka/clients/broker-requests.ts';
import { KafkajsBrokerConnection } from '../../../../data-plane/kafka/clients/kafkajs-connection.ts';
import { kafkajs } from '../../../../data-plane/kafka/clients/kafkajs-internals.ts';
import { PlatformaticBrokerConnection } from '../../../../data-plane/kafka/clients/platformatic-connection.ts';
import { createTopic, readTopic, testKafka } from '../../../helpers/kafka.ts';
import { waitFor } from '../../../helpers/wait-for.ts';
import { testCluster } from '../fake-kafka-client.ts';

const cluster = { ...testCluster, connectTimeoutMs: 5000, requestTimeoutMs: 5000 };
const events = { onReady: () => undefined, onClosed: () => undefined };
const [host = '', port = ''] = (testKafka().split(',')[0] ?? '').split(':');
const address = { host, port: Number(port) };
const logger = kafkajs.createLogger({ level: 0, logCreator: () => () => undefined });

const opened: Readonly<Record<string, () => BrokerConnection>> = {
  kafkajs: () =>
    new KafkajsBrokerConnection({ cluster, requestTimeoutMs: 6000, logger, sasl: null, ssl: null }, address, events),
  platformatic: () =>
    new PlatformaticBrokerConnection({ cluster, requestTimeoutMs: 6000, sasl: null, tls: null }, address, events),
};

/** The versions that brokers before topic ids are spoken to in; those of today still understand them. */
describe('brokers that offer no topic ids', function () {
  this.timeout(30_000);
  for (const [name, open] of Object.entries(opened)) {
    it(`are asked and written to by the topic's name (${name})`, async () => {
      const topic = await createTopic('older', { partitions: 2 });
      const connection = open();
      await connection.open();
      connection.highestVersion = () => 11;
      try {
        const metadata = await waitFor(
          async () => {
            const answer = await askMetadata(connection, [topic], 5000);
            return answer.topics.get(topic)?.partitions.length === 2 ? answer : undefined;
          },
          { what: 'the topic', timeoutMs: 10_000 },
        );
        const asked = metadata.topics.get(topic);
        expect(asked?.id).to.equal(null);
        expect(metadata.brokers.length).to.be.at.least(1);
        expect((await askMetadata(connection, [], 5000)).brokers).to.deep.equal(metadata.brokers);
        const produce = (value: string, partitions: readonly number[]) =>
          produceOn(connection, cluster, {
            topic,
            topicId: null,
            leader: asked?.partitions[0]?.leader ?? -1,
            batches: partitions.map((partition) => ({
              partition,
              records: [{ key: null, value: Buffer.from(`${value} ${partition}`), headers: [] }],
              stamp: null,
            })),
            timeoutMs: 5000,
          });
        // A broker may tell of a new topic's leaders before it is one.
        for (const partition of [0, 1]) {
          const isWritten = async () => !((await produce('first', [partition]))[0] instanceof KafkaError);
          await waitFor(isWritten, { what: `partition ${partition}` });
        }
        const outcomes = await produce('then', [0, 1, 9]);
        expect(outcomes.map((each) => (each instanceof KafkaError ? each.kafkaName : each.baseOffset))).to.deep.equal([
          1n,
          1n,
          'UNKNOWN_TOPIC_OR_PARTITION',
        ]);
        expect((await readTopic(topic)).map(({ value }) => value?.toString())).to.deep.equal([
          'first 0',
          'then 0',
          'first 1',
          'then 1',
        ]);
      } finally {
        connection.destroy();
      }
    });
  }
});
