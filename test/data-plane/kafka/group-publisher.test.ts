import { expect } from 'chai';
import { GroupVerdicts } from '../../../data-plane/kafka/group-verdicts.ts';
import type { KafkaRecord } from '../../../data-plane/kafka/kafka-client.ts';
import type { LogicalProducer } from '../../../data-plane/kafka/logical-producer.ts';
import type { FailedVerdict, GroupRecord } from '../../../data-plane/kafka/producer-types.ts';
import { recordBytes } from '../../../data-plane/kafka/wire/record-batch.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { FakeKafkaClient, fakeProducer, type SentBatch, testRecord } from './fake-kafka-client.ts';

const soon = (ms = 5000): number => performance.now() + ms;

function recordsOf(values: readonly string[], topic = 't', more: Partial<KafkaRecord> = {}): GroupRecord[] {
  return values.map((value) => {
    const record = { ...testRecord(value, 'key'), ...more };
    return { topic, record, bytes: recordBytes(record) };
  });
}

/** What became of each record: its offset, or outcome and code. */
function brief(verdicts: GroupVerdicts | FailedVerdict): string | string[] {
  if (!(verdicts instanceof GroupVerdicts)) return `${verdicts.outcome} ${verdicts.code}`;
  return Array.from({ length: verdicts.count }, (_, position) => {
    const failed = verdicts.failures.get(position);
    return failed === undefined ? `${verdicts.offsets[position]}` : `${failed.outcome} ${failed.code}`;
  });
}

const behind = 'not_sent PREDECESSOR_FAILED';

describe('the records of one request', () => {
  const open: LogicalProducer[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((producer) => producer.close(0)));
  });

  function start(options: Parameters<typeof fakeProducer>[0] = {}) {
    const client = options.client ?? new FakeKafkaClient();
    client.topics.set('t', 1);
    const made = fakeProducer({ ...options, client });
    open.push(made.producer);
    return made;
  }

  const sentCount = (client: FakeKafkaClient, count: number): Promise<SentBatch> =>
    waitFor(() => client.sent[count - 1], { what: `batch ${count}`, timeoutMs: 3000 });

  it('are acked with their offsets, in order', async () => {
    const { client, producer, registry } = start({ limits: { batchRecordsMax: 2 } });
    let offset = 40n;
    client.onSent = (sent) => {
      sent.ack(offset);
      offset += BigInt(sent.values.length);
    };
    expect(brief(await producer.group.publish(recordsOf(['a', 'b', 'c']), soon()))).to.deep.equal(['40', '41', '42']);
    expect(client.sent.map(({ values }) => values)).to.deep.equal([['a', 'b'], ['c']]);
    expect(producer.figures()).to.include({ records: 0, bytes: 0 });
    expect(await registry.metrics()).to.include(
      'sluice_kafka_records_total{cluster="test",topic="t",outcome="acked"} 3',
    );
  });

  it('are a prefix: nothing is sent behind a record that was refused', async () => {
    const { client, producer } = start({ limits: { batchRecordsMax: 2 } });
    client.onSent = (sent) => {
      if (sent.values.includes('bad')) sent.fail('MESSAGE_TOO_LARGE', { wire: 'verdict', retriable: false });
      else sent.ack(7n);
    };
    const verdicts = await producer.group.publish(recordsOf(['a', 'bad', 'c', 'd', 'e']), soon());
    expect(brief(verdicts)).to.deep.equal(['7', 'rejected RECORD_TOO_LARGE', behind, behind, behind]);
    expect(client.sent.map(({ values }) => values)).to.deep.equal([['a', 'bad'], ['a'], ['bad']]);
    expect(producer.figures()).to.include({ records: 0, bytes: 0 });
  });

  it('are a prefix where the refused batch is split, and others pass them by', async () => {
    const { client, producer } = start();
    client.onSent = (sent) => {
      if (sent.values.includes('bad')) sent.fail('INVALID_RECORD', { wire: 'verdict', retriable: false });
      else sent.ack(7n);
    };
    const group = producer.group.publish(recordsOf(['bad', 'b', 'c', 'd']), soon());
    const other = producer.publish('t', testRecord('other', 'key'), soon());
    expect(brief(await group)).to.deep.equal(['rejected KEY_INVALID', behind, behind, behind]);
    expect((await other).outcome).to.equal('acked');
  });

  it('are a prefix in each partition of its own', async () => {
    const { client, producer } = start({ limits: { batchRecordsMax: 1 } });
    client.topics.set('t', 2);
    client.onSent = (sent) => {
      if (sent.values[0] === 'a0') sent.fail('INVALID_RECORD', { wire: 'verdict', retriable: false });
      else sent.ack(3n);
    };
    const records = ['a0', 'b1', 'c0', 'd1'].flatMap((value) =>
      recordsOf([value], 't', { partition: Number(value[1]) }),
    );
    expect(brief(await producer.group.publish(records, soon()))).to.deep.equal([
      'rejected KEY_INVALID',
      '3',
      behind,
      '3',
    ]);
  });

  it('are unknown on the wire and not sent behind it at the deadline', async () => {
    const { client, producer } = start({ limits: { batchRecordsMax: 1 } });
    const verdicts = await producer.group.publish(recordsOf(['a', 'b']), soon(60));
    expect(brief(verdicts)).to.deep.equal(['unknown DELIVERY_UNKNOWN', 'not_sent KAFKA_UNAVAILABLE']);
    client.sent[0]?.ack();
    await waitFor(() => producer.figures().records === 0 || undefined, { what: 'an empty queue', timeoutMs: 3000 });
    expect(client.sent.map(({ values }) => values)).to.deep.equal([['a']]);
  });

  it('are not sent behind an attempt that nobody answered', async () => {
    const { client, producer } = start({ limits: { batchRecordsMax: 1, attemptsMax: 0 } });
    client.onSent = (sent) => sent.fail('CONNECTION_FAILED', { wire: 'unknown' });
    const verdicts = await producer.group.publish(recordsOf(['a', 'b', 'c']), soon());
    expect(brief(verdicts)).to.deep.equal(['unknown DELIVERY_UNKNOWN', behind, behind]);
    expect(client.sent).to.have.length(1);
  });

  it('are taken whole or not at all', async () => {
    const { client, producer } = start({ limits: { queueRecordsMax: 3, queueBytesMax: 200 } });
    client.ready = false;
    const waiting = producer.publish('t', testRecord('waits', 'key'), soon());
    expect(brief(await producer.group.publish(recordsOf(['a', 'b', 'c']), soon()))).to.equal(
      'not_sent PRODUCER_OVERLOADED',
    );
    expect(brief(await producer.group.publish(recordsOf(['a', 'b', 'c', 'd']), soon()))).to.equal(
      'rejected BODY_TOO_LARGE',
    );
    expect(brief(await producer.group.publish(recordsOf(['x'.repeat(200)]), soon()))).to.equal(
      'rejected BODY_TOO_LARGE',
    );
    expect(producer.figures()).to.include({ records: 1 });
    client.onSent = (sent) => sent.ack();
    client.becomeReady();
    await waiting;
  });

  it('are refused together when one of their topics is', async () => {
    const { client, producer } = start();
    const { KafkaError } = await import('../../../data-plane/kafka/kafka-error.ts');
    const options = { retriable: true, wire: 'verdict' } as const;
    client.refusals.set('no', new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', 'no', options));
    const records = [...recordsOf(['a']), ...recordsOf(['b'], 'no')];
    expect(await producer.checkAll(records, soon())).to.deep.equal([]);
    expect(brief(await producer.group.publish(records, soon()))).to.equal('not_sent TOPIC_NOT_FOUND');
    expect(client.sent).to.deep.equal([]);
  });

  it('all get their verdict when a topic is refused while they wait', async () => {
    const { client, producer } = start();
    client.topics.delete('t');
    const { KafkaError } = await import('../../../data-plane/kafka/kafka-error.ts');
    client.refusals.set('t', new KafkaError('TOPIC_AUTHORIZATION_FAILED', 'no', { retriable: false, wire: 'verdict' }));
    const values = Array.from({ length: 900 }, (_, index) => String(index));
    const verdicts = await producer.group.publish(recordsOf(values), soon());
    expect(new Set(brief(verdicts))).to.deep.equal(new Set(['not_sent TOPIC_AUTHORIZATION_FAILED']));
    expect(producer.figures()).to.include({ records: 0, bytes: 0 });
  });

  it('are answered when the producer closes meanwhile', async () => {
    const { client, producer } = start();
    client.ready = false;
    const group = producer.group.publish(recordsOf(['a', 'b']), soon());
    await producer.close(0);
    expect(brief(await group)).to.deep.equal(['not_sent SHUTTING_DOWN', 'not_sent SHUTTING_DOWN']);
    expect(brief(await producer.group.publish(recordsOf(['a']), soon()))).to.equal('not_sent SHUTTING_DOWN');
  });

  it('are queued in async mode, and a lost one takes those behind it along', async () => {
    const { client, producer, registry } = start({ limits: { batchRecordsMax: 1 } });
    client.onSent = (sent) => sent.fail('INVALID_RECORD', { wire: 'verdict', retriable: false });
    expect(await producer.group.enqueue(recordsOf(['a', 'b']), soon())).to.equal(null);
    await waitFor(() => producer.figures().records === 0 || undefined, { what: 'an empty queue', timeoutMs: 3000 });
    expect(client.sent).to.have.length(1);
    expect(await registry.metrics()).to.include('sluice_kafka_async_lost_total{cluster="test",topic="t"} 2');
  });

  it('wait for the first answer of their topic, each with its own verdict', async () => {
    const { client, producer } = start();
    const group = producer.group.publish(recordsOf(['a']), soon());
    (await sentCount(client, 1)).ack(5n);
    expect(brief(await group)).to.deep.equal(['5']);
  });
});

describe('checkAll', () => {
  const open: LogicalProducer[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((producer) => producer.close(0)));
  });

  const check = async (
    records: readonly GroupRecord[],
    options: Parameters<typeof fakeProducer>[0] = {},
    limit = 1000,
  ) => {
    const { client, producer } = fakeProducer(options);
    open.push(producer);
    client.topics.set('t', 2);
    client.limits = () => Promise.resolve(limit);
    client.timestamps = { isAppendTime: false, beforeMaxMs: 60_000, afterMaxMs: 60_000 };
    const faults = await producer.checkAll(records, soon());
    return faults.map(({ position, failure }) => `${position} ${failure.code} ${failure.details?.[0]?.limit ?? ''}`);
  };

  it('finds the records that the brokers would refuse', async () => {
    const large = recordsOf(['x'.repeat(1000)]);
    expect(await check([...recordsOf(['a']), ...large])).to.deep.equal(['1 RECORD_TOO_LARGE 1000']);
    expect(await check(large, {}, 1200)).to.deep.equal([]);
    expect(await check(large, { limits: { batchBytesMax: 500 } })).to.deep.equal(['0 RECORD_TOO_LARGE 500']);
    // Of a compressed batch nobody knows the size before.
    expect(await check(large, { cluster: { compression: 'gzip' } })).to.deep.equal([]);
    const placed = [recordsOf(['a'], 't', { partition: 1 }), recordsOf(['b'], 't', { partition: 2 })].flat();
    expect(await check(placed)).to.deep.equal(['1 PARTITION_INVALID ']);
    const timed = [Date.now(), 0].flatMap((timestampMs) => recordsOf(['a'], 't', { timestampMs }));
    expect(await check(timed)).to.deep.equal(['1 TIMESTAMP_INVALID ']);
  });

  it('counts a record to the byte where it matters', async () => {
    const rest = 61 + 2 + 1 + 1 + 1 + 1 + 3 + 2 + 1;
    expect(await check(recordsOf(['x'.repeat(1000 - rest)]))).to.deep.equal([]);
    expect(await check(recordsOf(['x'.repeat(1001 - rest)]))).to.deep.equal(['0 RECORD_TOO_LARGE 1000']);
  });
});
