import { expect } from 'chai';
import type { LogicalProducer } from '../../../data-plane/kafka/logical-producer.ts';
import { crc32Partition, murmur2Partition } from '../../../data-plane/kafka/partition-choice.ts';
import type { ClusterSettings } from '../../../data-plane/kafka/producer-types.ts';
import { metadataMaxAgeMs } from '../../../data-plane/kafka/topic-refresh.ts';
import { producerOptions } from '../../../data-plane/plugins/kafka-settings/producer-options.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { buildConfig } from '../plugins/kafka-upstream/build-config.ts';
import { FakeKafkaClient, fakeProducer, testRecord } from './fake-kafka-client.ts';

const partitions = 7;

describe('a topic of a producer', () => {
  const open: LogicalProducer[] = [];
  const realNow = performance.now.bind(performance);
  afterEach(async () => {
    performance.now = realNow;
    await Promise.all(open.splice(0).map((producer) => producer.close(0)));
  });

  function start(cluster: Partial<ClusterSettings> = {}): { client: FakeKafkaClient; producer: LogicalProducer } {
    const client = new FakeKafkaClient();
    client.topics.set('t', partitions);
    client.onSent = (sent) => sent.ack();
    const { producer } = fakeProducer({ client, cluster });
    open.push(producer);
    return { client, producer };
  }

  /** Moves the clock of the process; until the end of the test. */
  function moveClock(byMs: number): void {
    performance.now = () => realNow() + byMs;
  }

  const publish = (producer: LogicalProducer, key: string | null = 'key') =>
    producer.publish('t', testRecord('v', key), performance.now() + 5000);

  it('is refreshed when its metadata is five minutes old, and no record waits for that', async () => {
    expect(metadataMaxAgeMs).to.equal(300_000);
    const { client, producer } = start();
    await publish(producer);
    moveClock(metadataMaxAgeMs - 10_000);
    expect(await publish(producer)).to.include({ outcome: 'acked' });
    expect(client.metadataRequests).to.have.length(1);
    moveClock(metadataMaxAgeMs);
    // Meanwhile it was made larger; the answer takes its time.
    client.topics.set('t', 100);
    let answer = (): void => undefined;
    const held = new Promise<void>((resolve) => (answer = resolve));
    const metadata = client.metadata.bind(client);
    client.metadata = async (topic) => {
      const known = await metadata(topic);
      await held;
      return known;
    };
    expect(await publish(producer)).to.include({
      outcome: 'acked',
      partition: murmur2Partition(Buffer.from('key'), partitions),
    });
    expect(client.metadataRequests).to.deep.equal(['t', 't']);
    answer();
    await waitFor(
      async () => {
        const verdict = await publish(producer);
        return 'partition' in verdict && verdict.partition === murmur2Partition(Buffer.from('key'), 100);
      },
      { what: 'the new partitions', pollMs: 2 },
    );
    expect(client.metadataRequests).to.have.length(2);
  });

  const choices: [partitioner: string, ClusterSettings['partitioner'], typeof crc32Partition][] = [
    // What a configuration says that does not say it.
    ['murmur2 by default', producerOptions(buildConfig(), null).cluster.partitioner, murmur2Partition],
    ['murmur2', 'murmur2', murmur2Partition],
    ['crc32', 'crc32', crc32Partition],
  ];
  for (const [what, partitioner, partitionOf] of choices) {
    it(`takes a record with a key to the partition that it names: ${what}`, async () => {
      const { producer } = start({ partitioner });
      const keys = Array.from({ length: 50 }, (_, index) => `key-${index}`);
      const expected = keys.map((key) => partitionOf(Buffer.from(key), partitions));
      // Before the partitions are known, and after.
      for (const when of ['unknown', 'known']) {
        const verdicts = await Promise.all(keys.map((key) => publish(producer, key)));
        expect(
          verdicts.map((verdict) => ('partition' in verdict ? verdict.partition : verdict)),
          when,
        ).to.deep.equal(expected);
      }
    });
  }

  it('names other partitions by crc32 than by murmur2', () => {
    const differing = Array.from({ length: 50 }, (_, index) => Buffer.from(`key-${index}`)).filter(
      (key) => murmur2Partition(key, partitions) !== crc32Partition(key, partitions),
    );
    expect(differing.length).to.be.greaterThan(20);
  });
});
