import { expect } from 'chai';
import type { TimestampLimits } from '../../../data-plane/kafka/kafka-client.ts';
import type { LogicalProducer } from '../../../data-plane/kafka/logical-producer.ts';
import type { RecordPlace } from '../../../data-plane/kafka/producer-types.ts';
import { FakeKafkaClient, fakeProducer, testRecord } from './fake-kafka-client.ts';

const hourMs = 3_600_000;

describe('a partition and a timestamp of the request', () => {
  const open: LogicalProducer[] = [];
  afterEach(() => Promise.all(open.splice(0).map((producer) => producer.close(0))));

  function start(): { client: FakeKafkaClient; producer: LogicalProducer } {
    const client = new FakeKafkaClient();
    client.topics.set('t', 3);
    client.onSent = (sent) => sent.ack();
    const { producer } = fakeProducer({ client });
    open.push(producer);
    return { client, producer };
  }

  const soon = () => performance.now() + 5_000;
  const codeOf = async (producer: LogicalProducer, place: RecordPlace, topic = 't') =>
    (await producer.checkPlace(topic, place, soon()))?.code ?? null;

  it('the record goes to its partition, whatever the key', async () => {
    const { producer } = start();
    for (const key of ['a', 'b', null]) {
      const record = { ...testRecord('v', key), partition: 2 };
      expect(await producer.publish('t', record, soon())).to.include({ outcome: 'acked', partition: 2 });
    }
  });

  it('a partition beyond the count is refused, and the count asked for once a second at most', async () => {
    const { client, producer } = start();
    expect(await codeOf(producer, { partition: 2 })).to.equal(null);
    const asked = client.metadataRequests.length;
    const codes = await Promise.all([3, 4, 5].map((partition) => codeOf(producer, { partition })));
    expect(codes).to.deep.equal(['PARTITION_INVALID', 'PARTITION_INVALID', 'PARTITION_INVALID']);
    expect(client.metadataRequests.length - asked).to.be.at.most(1);
  });

  it('a partition that was added later is accepted', async () => {
    const { client, producer } = start();
    await producer.publish('t', testRecord('v', 'k'), soon());
    client.topics.set('t', 10);
    expect(await codeOf(producer, { partition: 9 })).to.equal(null);
    const record = { ...testRecord('v', 'k'), partition: 9 };
    expect(await producer.publish('t', record, soon())).to.include({ outcome: 'acked', partition: 9 });
  });

  it('the publication says why when the brokers do not answer', async () => {
    const { client, producer } = start();
    client.connected = false;
    expect(await codeOf(producer, { partition: 9 }, 'other')).to.equal(null);
  });

  it('a record whose partition is gone is refused instead of waiting', async () => {
    const { producer } = start();
    const record = { ...testRecord('v', 'k'), partition: 3 };
    expect(await producer.publish('t', record, soon())).to.include({ outcome: 'rejected', code: 'PARTITION_INVALID' });
  });

  const limits = (beforeMaxMs: number, afterMaxMs: number, isAppendTime = false): TimestampLimits => ({
    isAppendTime,
    beforeMaxMs,
    afterMaxMs,
  });
  const rows: [timestamps: TimestampLimits | null, offsetMs: number, code: string | null][] = [
    [null, hourMs - 5_000, null],
    [null, hourMs + 5_000, 'TIMESTAMP_INVALID'],
    [null, -1_000 * hourMs, null],
    [limits(hourMs, 2 * hourMs), -hourMs + 5_000, null],
    [limits(hourMs, 2 * hourMs), -hourMs - 1, 'TIMESTAMP_INVALID'],
    [limits(hourMs, 2 * hourMs), 2 * hourMs - 1, null],
    [limits(hourMs, 2 * hourMs), 2 * hourMs + 5_000, 'TIMESTAMP_INVALID'],
    [limits(2 ** 63, 2 ** 63), 100_000 * hourMs, null],
    [limits(0, 0, true), 100_000 * hourMs, null],
  ];
  for (const [timestamps, offsetMs, code] of rows) {
    it(`${JSON.stringify(timestamps)}: a timestamp ${offsetMs} ms from now is ${code ?? 'taken'}`, async () => {
      const { client, producer } = start();
      client.timestamps = timestamps;
      expect(await codeOf(producer, { timestampMs: Date.now() + offsetMs })).to.equal(code);
      await codeOf(producer, { timestampMs: Date.now() });
      expect(client.limitRequests).to.deep.equal(['t']);
    });
  }

  it('a timestamp that the broker refuses is a fault of the client only where the client chose it', async () => {
    const { client, producer } = start();
    client.onSent = (sent) => sent.fail('INVALID_TIMESTAMP', { wire: 'verdict' });
    const own = await producer.publish('t', { ...testRecord('v', 'k'), timestampMs: 5 }, soon());
    expect(own).to.include({ outcome: 'rejected', code: 'TIMESTAMP_INVALID' });
    expect(await producer.publish('t', testRecord('v', 'k'), soon())).to.include({ outcome: 'not_sent' });
  });
});
