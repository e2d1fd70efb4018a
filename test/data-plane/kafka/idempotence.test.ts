import { expect } from 'chai';
import { KafkaError, type Wire } from '../../../data-plane/kafka/kafka-error.ts';
import type { LogicalProducer } from '../../../data-plane/kafka/logical-producer.ts';
import type { ProducerLimits, Verdict } from '../../../data-plane/kafka/producer-types.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { FakeKafkaClient, fakeProducer, type SentBatch, testRecord } from './fake-kafka-client.ts';

/** What becomes of one attempt: acked, or an error with what it says of the wire. */
type Attempt = 'ack' | readonly [kafkaName: string, wire: Wire, retriable?: boolean];

interface Row {
  readonly name: string;
  readonly attempts: readonly Attempt[];
  readonly outcome: string;
  /** Producer id and sequence number of each attempt, and of a batch that is sent afterwards. */
  readonly stamps: readonly string[];
  readonly next: string;
  readonly limits?: Partial<ProducerLimits>;
}

const cut: Attempt = ['CONNECTION_FAILED', 'unknown'];
const moved: Attempt = ['NOT_LEADER_OR_FOLLOWER', 'verdict'];

/** Each attempt is of the same two records. */
const rows: readonly Row[] = [
  { name: 'acked', attempts: ['ack'], outcome: 'acked', stamps: ['1/0'], next: '1/2' },
  {
    name: 'without an answer, then acked: the same stamp again',
    attempts: [cut, 'ack'],
    outcome: 'acked',
    stamps: ['1/0', '1/0'],
    next: '1/2',
  },
  {
    name: 'refused for now, then acked: the number was not used up',
    attempts: [moved, 'ack'],
    outcome: 'acked',
    stamps: ['1/0', '1/0'],
    next: '1/2',
  },
  {
    name: 'without an answer, refused for now, then acked',
    attempts: [cut, moved, ['CONNECTION_FAILED', 'untouched'], 'ack'],
    outcome: 'acked',
    stamps: ['1/0', '1/0', '1/0', '1/0'],
    next: '1/2',
  },
  {
    name: 'appended but not replicated, then acked: the brokers know it again',
    attempts: [['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'unknown'], 'ack'],
    outcome: 'acked',
    stamps: ['1/0', '1/0'],
    next: '1/2',
  },
  {
    name: 'without an answer, then refused for good: unknown, another producer id',
    attempts: [cut, ['TOPIC_AUTHORIZATION_FAILED', 'verdict', false]],
    outcome: 'unknown DELIVERY_UNKNOWN',
    stamps: ['1/0', '1/0'],
    next: '2/0',
  },
  {
    name: 'without an answer, then too large: not split',
    attempts: [cut, ['MESSAGE_TOO_LARGE', 'verdict', false]],
    outcome: 'unknown DELIVERY_UNKNOWN',
    stamps: ['1/0', '1/0'],
    next: '2/0',
  },
  {
    name: 'a duplicate whose offset is forgotten',
    attempts: [cut, ['DUPLICATE_SEQUENCE_NUMBER', 'unknown', false]],
    outcome: 'unknown DELIVERY_UNKNOWN',
    stamps: ['1/0', '1/0'],
    next: '2/0',
  },
  {
    name: 'no answer to many attempts: none of them can write it again, so they are not counted',
    attempts: [cut, cut, cut, 'ack'],
    limits: { attemptsMax: 2 },
    outcome: 'acked',
    stamps: ['1/0', '1/0', '1/0', '1/0'],
    next: '1/2',
  },
  {
    name: 'no answer, where no second attempt is wanted',
    attempts: [cut],
    limits: { attemptsMax: 0 },
    outcome: 'unknown DELIVERY_UNKNOWN',
    stamps: ['1/0'],
    next: '2/0',
  },
  {
    name: 'refused for good: the number is free',
    attempts: [['TOPIC_AUTHORIZATION_FAILED', 'verdict', false]],
    outcome: 'not_sent TOPIC_AUTHORIZATION_FAILED',
    stamps: ['1/0'],
    next: '1/0',
  },
  ...['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID', 'INVALID_PRODUCER_EPOCH'].flatMap((kafkaName): Row[] => [
    {
      name: `${kafkaName} at once: certainly not written, so with another producer id`,
      attempts: [[kafkaName, 'verdict', false], 'ack'],
      outcome: 'acked',
      stamps: ['1/0', '2/0'],
      next: '2/2',
    },
    {
      name: `${kafkaName} after an attempt without an answer: unknown`,
      attempts: [cut, [kafkaName, 'verdict', false]],
      outcome: 'unknown DELIVERY_UNKNOWN',
      stamps: ['1/0', '1/0'],
      next: '2/0',
    },
  ]),
];

describe('an idempotent producer', () => {
  const open: LogicalProducer[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((producer) => producer.close(0)));
  });

  function start(limits: Partial<ProducerLimits> = {}) {
    const client = new FakeKafkaClient();
    client.topics.set('t', 1);
    const { producer } = fakeProducer({ client, limits, cluster: { idempotent: true } });
    open.push(producer);
    const publish = (value: string, ms = 5000) =>
      producer.publish('t', testRecord(value, 'key'), performance.now() + ms);
    return { client, producer, publish };
  }

  const brief = (verdict: Verdict): string =>
    'code' in verdict ? `${verdict.outcome} ${verdict.code}` : verdict.outcome;
  const stampOf = ({ batch: { stamp } }: SentBatch): string =>
    stamp === null ? 'none' : `${stamp.producer.id}/${stamp.sequence}`;
  const sentCount = (client: FakeKafkaClient, count: number): Promise<SentBatch> =>
    waitFor(() => client.sent[count - 1], { what: `batch ${count}`, timeoutMs: 3000, pollMs: 2 });

  for (const { name, attempts, outcome, stamps, next, limits } of rows) {
    it(name, async () => {
      const { client, publish } = start(limits);
      client.onSent = (sent) => {
        const attempt = attempts[client.sent.length - 1] ?? 'ack';
        if (attempt === 'ack') sent.ack(BigInt(client.sent.length));
        else sent.fail(attempt[0], { wire: attempt[1], retriable: attempt[2] ?? true });
      };
      const verdicts = await Promise.all([publish('a'), publish('b')]);
      expect(verdicts.map(brief)).to.deep.equal([outcome, outcome]);
      expect(client.sent.map(stampOf)).to.deep.equal(stamps);
      for (const sent of client.sent) expect(sent.values).to.deep.equal(['a', 'b']);
      if (attempts[0] === cut) {
        const stamp = client.sent[0]?.batch.stamp;
        for (const { batch } of client.sent) expect(batch.stamp, 'the same bytes').to.equal(stamp);
      }
      expect(brief(await publish('c'))).to.equal('acked');
      const last = client.sent.at(-1);
      expect(last && stampOf(last)).to.equal(next);
    });
  }

  it('gives up a whole batch of unknown outcome when one of its records reaches its deadline', async () => {
    const { client, publish } = start({ retryBackoffMs: 200 });
    const due = publish('due', 100);
    const other = publish('other');
    (await sentCount(client, 1)).fail('CONNECTION_FAILED', { wire: 'unknown' });
    expect([await due, await other].map(brief)).to.deep.equal(['unknown DELIVERY_UNKNOWN', 'unknown DELIVERY_UNKNOWN']);
    client.onSent = (sent) => sent.ack();
    expect(brief(await publish('next'))).to.equal('acked');
    expect(client.sent.map(stampOf)).to.deep.equal(['1/0', '2/0']);
  });

  it('gives up a batch when one of its records was answered before the attempt failed', async () => {
    const { client, publish } = start();
    const due = publish('due', 60);
    const other = publish('other');
    const first = await sentCount(client, 1);
    expect(brief(await due)).to.equal('unknown DELIVERY_UNKNOWN');
    first.fail('CONNECTION_FAILED', { wire: 'unknown' });
    expect(brief(await other)).to.equal('unknown DELIVERY_UNKNOWN');
    expect(client.sent).to.have.length(1);
  });

  it('sends the rest of a batch that was certainly not written', async () => {
    const { client, publish } = start();
    const due = publish('due', 60);
    const other = publish('other');
    const first = await sentCount(client, 1);
    expect(brief(await due)).to.equal('unknown DELIVERY_UNKNOWN');
    first.fail('NOT_LEADER_OR_FOLLOWER', { wire: 'verdict' });
    const second = await sentCount(client, 2);
    second.ack();
    expect(brief(await other)).to.equal('acked');
    expect([second.values, stampOf(second)]).to.deep.equal([['other'], '1/0']);
  });

  it('splits a refused batch, with consecutive sequence numbers', async () => {
    const { client, publish } = start();
    client.onSent = (sent) =>
      sent.values.includes('bad') ? sent.fail('MESSAGE_TOO_LARGE', { wire: 'verdict', retriable: false }) : sent.ack();
    const verdicts = await Promise.all(['a', 'b', 'bad', 'c'].map((value) => publish(value)));
    expect(verdicts.map(brief)).to.deep.equal(['acked', 'acked', 'rejected RECORD_TOO_LARGE', 'acked']);
    expect(client.sent.map((sent) => `${stampOf(sent)} ${sent.values.join()}`)).to.deep.equal([
      '1/0 a,b,bad,c',
      '1/0 a,b',
      '1/2 bad,c',
      '1/2 bad',
      '1/2 c',
    ]);
  });

  it('does not send to a recreated topic what the deleted one may hold', async () => {
    const { client, publish } = start();
    client.topicIds.set('t', 'old');
    const open = publish('a');
    (await sentCount(client, 1)).fail('CONNECTION_FAILED', { wire: 'unknown' });
    (await sentCount(client, 2)).fail('UNKNOWN_TOPIC_ID', { wire: 'verdict' });
    client.topicIds.set('t', 'new');
    client.onSent = (sent) => sent.ack();
    expect(brief(await open)).to.equal('unknown DELIVERY_UNKNOWN');
    expect(brief(await publish('b'))).to.equal('acked');
    expect(client.sent.map((sent) => `${sent.request.topicId} ${stampOf(sent)}`)).to.deep.equal([
      'old 1/0',
      'old 1/0',
      'new 2/0',
    ]);
  });

  it('gives up records of unknown outcome when the brokers refuse the topic, and begins anew', async () => {
    const { client, publish } = start();
    const open = publish('a');
    const unknown = new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', 'no', { retriable: true, wire: 'verdict' });
    const first = await sentCount(client, 1);
    client.refusals.set('t', unknown);
    first.fail('CONNECTION_FAILED', { wire: 'unknown' });
    expect(brief(await open)).to.equal('unknown DELIVERY_UNKNOWN');
    client.refusals.clear();
    client.onSent = (sent) => sent.ack();
    await waitFor(async () => (await publish('b')).outcome === 'acked', { what: 'the topic to be found again' });
    expect(stampOf(client.sent.at(-1) as SentBatch)).to.equal('2/0');
  });

  it('waits for a producer id that a broker cannot give yet, until the deadline', async () => {
    const { client, publish } = start();
    client.producerIdRefusal = new KafkaError('CONNECTION_FAILED', 'down', { retriable: true, wire: 'unknown' });
    expect(brief(await publish('a', 120))).to.equal('not_sent KAFKA_UNAVAILABLE');
    const later = publish('b');
    await waitFor(() => client.producerIds >= 3, { what: 'another request' });
    expect(client.sent).to.have.length(0);
    client.producerIdRefusal = null;
    client.onSent = (sent) => sent.ack();
    expect(brief(await later)).to.equal('acked');
  });

  it('answers at once when the brokers refuse it a producer id', async () => {
    const { client, producer } = start();
    client.producerIdRefusal = new KafkaError('CLUSTER_AUTHORIZATION_FAILED', 'no', {
      retriable: false,
      wire: 'verdict',
    });
    const verdict = await producer.publish('t', testRecord('a'), performance.now() + 5000);
    expect(brief(verdict)).to.equal('not_sent TOPIC_AUTHORIZATION_FAILED');
  });

  it('has a producer id for each partition', async () => {
    const { client, producer } = start();
    client.topics.set('wide', 3);
    client.onSent = (sent) => sent.ack();
    for (let round = 0; round < 12; round++) {
      await producer.publish('wide', testRecord('v'), performance.now() + 5000);
    }
    const byPartition = new Map(client.sent.map(({ batch }) => [batch.partition, batch.stamp?.producer.id]));
    expect(byPartition.size).to.equal(3);
    expect(new Set(byPartition.values()).size).to.equal(3);
  });
});
