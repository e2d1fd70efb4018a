import { expect } from 'chai';
import { createLogger } from '../../../shared/log.ts';
import { KafkaError } from '../../../data-plane/kafka/kafka-error.ts';
import type { LogicalProducer } from '../../../data-plane/kafka/logical-producer.ts';
import type { Verdict } from '../../../data-plane/kafka/producer-types.ts';
import { murmur2Partition } from '../../../data-plane/kafka/partition-choice.ts';
import { recordBytes } from '../../../data-plane/kafka/wire/record-batch.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { FakeKafkaClient, fakeProducer, type SentBatch, testRecord } from './fake-kafka-client.ts';

describe('LogicalProducer', () => {
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

  const soon = (ms = 5000): number => performance.now() + ms;
  const sentCount = (client: FakeKafkaClient, count: number): Promise<SentBatch> =>
    waitFor(() => client.sent[count - 1], { what: `batch ${count}`, timeoutMs: 3000 });
  const brief = (verdict: Verdict): string =>
    'code' in verdict ? `${verdict.outcome} ${verdict.code}` : verdict.outcome;

  it('acks each record with its partition and offset', async () => {
    const { client, producer } = start();
    const verdicts = Promise.all(['a', 'b', 'c'].map((value) => producer.publish('t', testRecord(value), soon())));
    (await sentCount(client, 1)).ack(41n);
    expect(await verdicts).to.deep.equal([
      { outcome: 'acked', topic: 't', partition: 0, offset: '41' },
      { outcome: 'acked', topic: 't', partition: 0, offset: '42' },
      { outcome: 'acked', topic: 't', partition: 0, offset: '43' },
    ]);
    expect(producer.figures()).to.deep.equal({
      label: 'test',
      records: 0,
      bytes: 0,
      recordsMax: 1000,
      bytesMax: 10_000_000,
      oldestAgeSeconds: 0,
      gatesClosed: null,
      state: 'connected',
    });
  });

  it('has one request in flight a partition; what arrives meanwhile is the next batch', async () => {
    const { client, producer } = start();
    const first = producer.publish('t', testRecord('a'), soon());
    await sentCount(client, 1);
    const rest = Promise.all(['b', 'c'].map((value) => producer.publish('t', testRecord(value), soon())));
    await turns();
    expect(client.sent).to.have.length(1);
    client.sent[0]?.ack();
    expect((await sentCount(client, 2)).values).to.deep.equal(['b', 'c']);
    client.sent[1]?.ack();
    await Promise.all([first, rest]);
  });

  it('drops a record that is not sent by its deadline and never writes it later', async () => {
    const { client, producer } = start();
    client.ready = false;
    const startedMs = performance.now();
    const verdict = await producer.publish('t', testRecord('a'), startedMs + 60);
    const tookMs = performance.now() - startedMs;
    expect(brief(verdict)).to.equal('not_sent KAFKA_UNAVAILABLE');
    expect(tookMs).to.be.within(40, 160);
    client.becomeReady();
    await turns();
    expect(client.sent).to.have.length(0);
  });

  for (const key of [null, 'key']) {
    it(`drops only what is due of a queue behind a request in flight, in order (${key ?? 'no key'})`, async () => {
      const { client, producer } = start();
      const first = producer.publish('t', testRecord('first', key), soon());
      await sentCount(client, 1);
      const rest = ['a', 'due-1', 'b', 'due-2', 'c'].map((value) =>
        producer.publish('t', testRecord(value, key), soon(value.startsWith('due') ? 40 : 5000)),
      );
      expect(
        [await rest[1], await rest[3]].map((verdict) => (verdict === undefined ? '' : brief(verdict))),
      ).to.deep.equal(['not_sent KAFKA_UNAVAILABLE', 'not_sent KAFKA_UNAVAILABLE']);
      client.sent[0]?.ack(0n);
      (await sentCount(client, 2)).ack(1n);
      expect((await Promise.all([first, ...rest])).map(brief)).to.deep.equal([
        'acked',
        'acked',
        'not_sent KAFKA_UNAVAILABLE',
        'acked',
        'not_sent KAFKA_UNAVAILABLE',
        'acked',
      ]);
      await turns();
      expect(client.sent.map(({ values }) => values)).to.deep.equal([['first'], ['a', 'b', 'c']]);
    });
  }

  it('drops expired records of a batch that waits to be sent again, and keeps its place before the queue', async () => {
    const { client, producer } = start({ limits: { retryBackoffMs: 80 } });
    const due = producer.publish('t', testRecord('due', 'key'), soon(40));
    const kept = producer.publish('t', testRecord('kept', 'key'), soon());
    (await sentCount(client, 1)).fail('NOT_LEADER_OR_FOLLOWER', { wire: 'verdict' });
    const later = producer.publish('t', testRecord('later', 'key'), soon());
    client.onSent = (sent) => sent.ack();
    expect(brief(await due)).to.equal('not_sent KAFKA_UNAVAILABLE');
    expect([await kept, await later].map(brief)).to.deep.equal(['acked', 'acked']);
    expect(client.sent.map(({ values }) => values)).to.deep.equal([['due', 'kept'], ['kept'], ['later']]);
  });

  it('looks at deadlines once more when a batch leaves, though no timer ran', async () => {
    const { client, producer } = start();
    const first = producer.publish('t', testRecord('first', 'key'), soon());
    await sentCount(client, 1);
    const dueMs = performance.now() + 30;
    const late = producer.publish('t', testRecord('late', 'key'), dueMs);
    client.sent[0]?.ack();
    // The event loop is held up beyond the deadline: the answer is worked off before any timer.
    while (performance.now() < dueMs + 5);
    expect(brief(await late)).to.equal('not_sent KAFKA_UNAVAILABLE');
    await first;
    await turns();
    expect(client.sent.map(({ values }) => values)).to.deep.equal([['first']]);
  });

  it('answers unknown at the deadline when the record is on the wire, and counts the late verdict', async () => {
    const { client, producer, registry } = start();
    const verdict = await producer.publish('t', testRecord('a'), soon(50));
    expect(brief(verdict)).to.equal('unknown DELIVERY_UNKNOWN');
    client.sent[0]?.ack();
    await waitFor(
      async () =>
        (await registry.metrics()).includes('sluice_kafka_late_verdicts_total{cluster="test",verdict="acked"} 1'),
      {
        what: 'the late verdict',
        timeoutMs: 1000,
      },
    );
  });

  it('keeps a lane occupied while its request has no verdict', async () => {
    const { client, producer } = start();
    await producer.publish('t', testRecord('a'), soon(300));
    const second = producer.publish('t', testRecord('b'), soon());
    await turns();
    expect(client.sent).to.have.length(1);
    client.sent[0]?.ack();
    (await sentCount(client, 2)).ack();
    expect(brief(await second)).to.equal('acked');
  });

  describe('across attempts', () => {
    const later: [string, (sent: SentBatch) => void, string][] = [
      ['acked', (sent) => sent.ack(), 'acked'],
      [
        'a refusal',
        (sent) => sent.fail('MESSAGE_TOO_LARGE', { wire: 'verdict', retriable: false }),
        'unknown DELIVERY_UNKNOWN',
      ],
      [
        'not allowed',
        (sent) => sent.fail('TOPIC_AUTHORIZATION_FAILED', { wire: 'verdict', retriable: false }),
        'unknown DELIVERY_UNKNOWN',
      ],
      [
        'untouched, then nothing',
        (sent) => sent.fail('CONNECTION_FAILED', { wire: 'untouched', retriable: false }),
        'unknown DELIVERY_UNKNOWN',
      ],
    ];
    for (const [name, then, expected] of later) {
      it(`a lost answer followed by ${name} is ${expected}`, async () => {
        const { client, producer } = start();
        const verdict = producer.publish('t', testRecord('a'), soon());
        (await sentCount(client, 1)).fail('CONNECTION_FAILED', { wire: 'unknown' });
        then(await sentCount(client, 2));
        expect(brief(await verdict)).to.equal(expected);
      });
    }

    it('a lost answer and no leader until the deadline is unknown', async () => {
      const { client, producer } = start();
      const verdict = producer.publish('t', testRecord('a'), soon(100));
      const first = await sentCount(client, 1);
      client.ready = false;
      first.fail('CONNECTION_FAILED', { wire: 'unknown' });
      expect(brief(await verdict)).to.equal('unknown DELIVERY_UNKNOWN');
    });

    it('an attempt that left no byte leaves the outcome open', async () => {
      const { client, producer } = start();
      const verdict = producer.publish('t', testRecord('a'), soon(100));
      const first = await sentCount(client, 1);
      client.ready = false;
      first.fail('CONNECTION_FAILED', { wire: 'untouched' });
      expect(brief(await verdict)).to.equal('not_sent KAFKA_UNAVAILABLE');
    });

    it('retries a temporary refusal until the deadline, whatever the limit of attempts', async () => {
      const { client, producer } = start({ limits: { attemptsMax: 2 } });
      client.onSent = (sent) => sent.fail('NOT_ENOUGH_REPLICAS', { wire: 'verdict' });
      const deadlineMs = soon(300);
      expect(brief(await producer.publish('t', testRecord('a'), deadlineMs))).to.equal('not_sent NOT_ENOUGH_REPLICAS');
      expect(performance.now()).to.be.at.least(deadlineMs - 5);
      expect(client.sent).to.have.length.above(3);
      // The waits double: a thousand attempts a second would only burden the brokers.
      expect(client.sent).to.have.length.below(20);
    });

    it('limits attempts without an answer, since each may write the record again', async () => {
      const { client, producer } = start({ limits: { attemptsMax: 2 } });
      client.onSent = (sent) => sent.fail('CONNECTION_FAILED', { wire: 'unknown' });
      expect(brief(await producer.publish('t', testRecord('a'), soon()))).to.equal('unknown DELIVERY_UNKNOWN');
      expect(client.sent).to.have.length(3);
    });

    it('tries nothing again when no attempts are allowed', async () => {
      const { client, producer } = start({ limits: { attemptsMax: 0 } });
      client.onSent = (sent) => sent.fail('NOT_ENOUGH_REPLICAS', { wire: 'verdict' });
      expect(brief(await producer.publish('t', testRecord('a'), soon()))).to.equal('not_sent NOT_ENOUGH_REPLICAS');
      expect(client.sent).to.have.length(1);
    });

    it('delays nothing for a batch that was given up', async () => {
      const { client, producer } = start({ limits: { retryBackoffMs: 60_000 } });
      const first = producer.publish('t', testRecord('a', 'key'), soon(100));
      (await sentCount(client, 1)).fail('NOT_ENOUGH_REPLICAS', { wire: 'verdict' });
      expect(brief(await first)).to.equal('not_sent NOT_ENOUGH_REPLICAS');
      client.onSent = (sent) => sent.ack();
      expect(brief(await producer.publish('t', testRecord('b', 'key'), soon()))).to.equal('acked');
    });

    it('does not wait before it asks a new leader', async () => {
      const { client, producer } = start({ limits: { retryBackoffMs: 60_000 } });
      const verdict = producer.publish('t', testRecord('a', 'key'), soon());
      const first = await sentCount(client, 1);
      client.leaders.set(`t/${first.batch.partition}`, 2);
      client.onSent = (sent) => sent.ack();
      first.fail('NOT_LEADER_OR_FOLLOWER', { wire: 'verdict' });
      expect(brief(await verdict)).to.equal('acked');
      expect(client.sent.map(({ request }) => request.leader)).to.deep.equal([1, 2]);
    });

    it('does not write again what the leader has appended', async () => {
      const { client, producer } = start();
      client.onSent = (sent) => sent.fail('NOT_ENOUGH_REPLICAS_AFTER_APPEND', { wire: 'unknown' });
      expect(brief(await producer.publish('t', testRecord('a'), soon()))).to.equal('unknown NOT_ENOUGH_REPLICAS');
      expect(client.sent).to.have.length(1);
    });

    it('keeps the order of a partition', async () => {
      const { client, producer } = start({ limits: { batchRecordsMax: 2 } });
      const verdicts = Promise.all(
        ['a', 'b', 'c', 'd'].map((value) => producer.publish('t', testRecord(value), soon())),
      );
      (await sentCount(client, 1)).fail('NOT_LEADER_OR_FOLLOWER', { wire: 'verdict' });
      (await sentCount(client, 2)).ack();
      (await sentCount(client, 3)).ack(2n);
      await verdicts;
      expect(client.sent.map(({ values }) => values)).to.deep.equal([
        ['a', 'b'],
        ['a', 'b'],
        ['c', 'd'],
      ]);
    });
  });

  it('splits a refused batch so that only the guilty record fails', async () => {
    const { client, producer } = start();
    const written: string[] = [];
    client.onSent = (sent) => {
      if (sent.values.includes('bad')) return sent.fail('MESSAGE_TOO_LARGE', { wire: 'verdict', retriable: false });
      written.push(...sent.values);
      sent.ack();
    };
    const values = ['a', 'b', 'c', 'bad', 'd', 'e', 'f'];
    const verdicts = await Promise.all(values.map((value) => producer.publish('t', testRecord(value), soon())));
    expect(verdicts.map(brief)).to.deep.equal(
      values.map((value) => (value === 'bad' ? 'rejected RECORD_TOO_LARGE' : 'acked')),
    );
    expect(written).to.deep.equal(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  it('sends a record above the bytes of a batch alone', async () => {
    const { client, producer } = start({ limits: { batchBytesMax: 1000 } });
    client.onSent = (sent) => sent.ack();
    const values = ['a', 'x'.repeat(5000), 'b'];
    await Promise.all(values.map((value) => producer.publish('t', testRecord(value), soon())));
    expect(client.sent.map(({ values: sent }) => sent.length)).to.deep.equal([1, 1, 1]);
  });

  describe('a topic that the brokers refuse', () => {
    it('is answered at once while it is refused, delays no other, and is found when it exists', async () => {
      const { client, producer } = start();
      producer.configureTopic('gone');
      client.onSent = (sent) => sent.ack();
      const unknown = new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', 'no', { retriable: true, wire: 'verdict' });
      client.refusals.set('gone', unknown);
      expect(brief(await producer.publish('gone', testRecord('a'), soon()))).to.equal('not_sent TOPIC_NOT_FOUND');
      const requests = client.metadataRequests.length;
      expect(brief(await producer.publish('gone', testRecord('a'), soon()))).to.equal('not_sent TOPIC_NOT_FOUND');
      expect(client.metadataRequests).to.have.length(requests);
      expect(brief(await producer.publish('t', testRecord('a'), soon()))).to.equal('acked');
      client.refusals.delete('gone');
      client.topics.set('gone', 1);
      await waitFor(async () => (await producer.publish('gone', testRecord('a'), soon())).outcome === 'acked', {
        what: 'the topic to be found',
        timeoutMs: 2000,
      });
    });

    it('says TOPIC_AUTHORIZATION_FAILED when it is denied', async () => {
      const { client, producer } = start();
      client.refusals.set(
        't',
        new KafkaError('TOPIC_AUTHORIZATION_FAILED', 'no', { retriable: false, wire: 'verdict' }),
      );
      expect(brief(await producer.publish('t', testRecord('a', 'key'), soon()))).to.equal(
        'not_sent TOPIC_AUTHORIZATION_FAILED',
      );
    });

    it('may be deleted while a batch is in flight', async () => {
      const { client, producer } = start();
      const verdict = producer.publish('t', testRecord('a'), soon());
      const first = await sentCount(client, 1);
      const unknown = new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', 'no', { retriable: true, wire: 'verdict' });
      client.refusals.set('t', unknown);
      first.fail('UNKNOWN_TOPIC_OR_PARTITION', { wire: 'verdict' });
      client.onSent = (sent) => sent.fail('UNKNOWN_TOPIC_OR_PARTITION', { wire: 'verdict' });
      expect(brief(await verdict)).to.equal('not_sent TOPIC_NOT_FOUND');
    });
  });

  describe('bounds', () => {
    const cases = [
      { name: 'records', options: { limits: { queueRecordsMax: 2 } } },
      { name: 'bytes', options: { limits: { queueBytesMax: 40 } } },
      { name: 'memory of the node', options: { memoryBytesMax: 40 } },
    ];
    for (const { name, options } of cases) {
      it(`answers PRODUCER_OVERLOADED at once beyond its ${name}, and takes records again later`, async () => {
        const { client, producer } = start(options);
        const held = ['a', 'b'].map((value) => producer.publish('t', testRecord(value), soon()));
        expect(brief(await producer.publish('t', testRecord('c'), soon()))).to.equal('not_sent PRODUCER_OVERLOADED');
        expect(brief(producer.enqueue('t', testRecord('c'), soon()))).to.equal('not_sent PRODUCER_OVERLOADED');
        client.onSent = (sent) => sent.ack();
        await Promise.all(held);
        expect(brief(await producer.publish('t', testRecord('d'), soon()))).to.equal('acked');
      });
    }
  });

  it('answers waiting and new records at once when the login is refused', async () => {
    const client = new FakeKafkaClient();
    client.connected = false;
    const { producer } = start({ client });
    const waiting = producer.publish('t', testRecord('a'), soon());
    client.status({ state: 'failing', error: 'Authentication failed', loginRefused: true });
    expect(brief(await waiting)).to.equal('not_sent KAFKA_UNAVAILABLE');
    expect(brief(await producer.publish('t', testRecord('b'), soon()))).to.equal('not_sent KAFKA_UNAVAILABLE');
  });

  it('spreads records without a key over the partitions, each batch on one', async () => {
    const { client, producer } = start();
    client.topics.set('wide', 4);
    client.onSent = (sent) => sent.ack();
    for (let round = 0; round < 8; round++) {
      await Promise.all(['a', 'b'].map((value) => producer.publish('wide', testRecord(value), soon())));
    }
    const partitions = client.sent.map(({ batch }) => batch.partition);
    expect(partitions.toSorted((a, b) => a - b)).to.deep.equal([0, 0, 1, 1, 2, 2, 3, 3]);
  });

  it('keeps records of one key on one partition', async () => {
    const { client, producer } = start();
    client.topics.set('wide', 8);
    client.onSent = (sent) => sent.ack();
    const verdicts = await Promise.all(
      Array.from({ length: 20 }, () => producer.publish('wide', testRecord('v', 'same'), soon())),
    );
    expect(new Set(verdicts.map((verdict) => ('partition' in verdict ? verdict.partition : -1))).size).to.equal(1);
  });

  it('waits for the linger unless a batch is full', async () => {
    const { client, producer } = start({ limits: { lingerMs: 40, batchRecordsMax: 3 } });
    client.onSent = (sent) => sent.ack();
    await producer.publish('t', testRecord('first'), soon());
    const startedMs = performance.now();
    await producer.publish('t', testRecord('a'), soon());
    expect(performance.now() - startedMs).to.be.greaterThan(35);
    const fullMs = performance.now();
    await Promise.all(['a', 'b', 'c'].map((value) => producer.publish('t', testRecord(value), soon())));
    expect(performance.now() - fullMs).to.be.lessThan(35);
  });

  it('asks for metadata again when the leader has moved', async () => {
    const { client, producer } = start();
    const verdict = producer.publish('t', testRecord('a'), soon());
    const first = await sentCount(client, 1);
    client.leaders.set('t/0', 2);
    first.fail('NOT_LEADER_OR_FOLLOWER', { wire: 'verdict' });
    client.onSent = (sent) =>
      sent.request.leader === 2 ? sent.ack() : sent.fail('NOT_LEADER_OR_FOLLOWER', { wire: 'verdict' });
    expect(brief(await verdict)).to.equal('acked');
  });

  describe('a record that is too large', () => {
    const tooLarge = (sent: SentBatch) => sent.fail('MESSAGE_TOO_LARGE', { wire: 'verdict', retriable: false });
    const detailsOf = (verdict: Verdict) => ('details' in verdict ? verdict.details : undefined);

    for (const { name, options } of [
      { name: 'the producer', options: { limits: { queueBytesMax: 500 } } },
      { name: 'the node', options: { memoryBytesMax: 500 } },
    ]) {
      it(`for the whole bound of ${name} is refused for good, with the bound`, async () => {
        const { client, producer } = start(options);
        const verdict = await producer.publish('t', testRecord('x'.repeat(500)), soon());
        expect(brief(verdict)).to.equal('rejected RECORD_TOO_LARGE');
        expect(detailsOf(verdict)).to.deep.equal([{ limit: 500, unit: 'bytes' }]);
        expect(client.sent).to.deep.equal([]);
      });
    }

    it('for its topic is answered with the limit, asked for once', async () => {
      const { client, producer } = start();
      client.limits = () => Promise.resolve(1000);
      client.onSent = tooLarge;
      const verdicts = await Promise.all(
        ['a', 'b', 'c'].map((value) => producer.publish('t', testRecord(value), soon())),
      );
      verdicts.push(await producer.publish('t', testRecord('d'), soon()));
      expect(verdicts.map(brief)).to.deep.equal(Array.from({ length: 4 }, () => 'rejected RECORD_TOO_LARGE'));
      expect(verdicts.map(detailsOf)).to.deep.equal(Array.from({ length: 4 }, () => [{ limit: 1000, unit: 'bytes' }]));
      expect(client.limitRequests).to.deep.equal(['t']);
    });

    const silent: readonly { name: string; limits: () => Promise<number | null> }[] = [
      { name: 'do not tell', limits: () => Promise.resolve(null) },
      { name: 'fail', limits: () => Promise.reject(new Error('down')) },
    ];
    for (const { name, limits } of silent) {
      it(`is answered without the limit when the brokers ${name}, which are not asked again at once`, async () => {
        const { client, producer } = start();
        client.limits = limits;
        client.onSent = tooLarge;
        for (const value of ['a', 'b']) {
          const verdict = await producer.publish('t', testRecord(value), soon());
          expect(brief(verdict)).to.equal('rejected RECORD_TOO_LARGE');
          expect(detailsOf(verdict)).to.equal(undefined);
        }
        expect(client.limitRequests).to.deep.equal(['t']);
      });
    }

    it('is answered by its deadline though the brokers are silent about the limit', async () => {
      const { client, producer } = start();
      client.limits = () => new Promise(() => undefined);
      client.onSent = tooLarge;
      const startedMs = performance.now();
      const verdict = await producer.publish('t', testRecord('a'), soon(80));
      expect(brief(verdict)).to.equal('rejected RECORD_TOO_LARGE');
      expect(performance.now() - startedMs).to.be.below(400);
    });
  });

  describe('a recreated topic', () => {
    it('receives records that the brokers did not accept for the deleted one', async () => {
      const { client, producer } = start();
      client.topicIds.set('t', 'old');
      const verdict = producer.publish('t', testRecord('a'), soon());
      const first = await sentCount(client, 1);
      expect(first.request.topicId).to.equal('old');
      client.topicIds.set('t', 'new');
      first.fail('UNKNOWN_TOPIC_ID', { wire: 'verdict' });
      client.onSent = (sent) =>
        sent.request.topicId === 'new' ? sent.ack() : sent.fail('UNKNOWN_TOPIC_ID', { wire: 'verdict' });
      expect(brief(await verdict)).to.equal('acked');
    });

    it('is not confused with the deleted one when a broker lags behind', async () => {
      const { client, producer } = start({ limits: { attemptsMax: 1000 } });
      client.topicIds.set('t', 'old');
      client.onSent = (sent) => sent.ack();
      await producer.publish('t', testRecord('a'), soon());
      client.onSent = (sent) => sent.fail('UNKNOWN_TOPIC_ID', { wire: 'verdict' });
      client.topicIds.set('t', 'new');
      const verdict = producer.publish('t', testRecord('b'), soon());
      await waitFor(() => client.sent.some(({ request }) => request.topicId === 'new'), { what: 'the new id' });
      // From now on metadata comes from a broker that has not heard of it.
      client.topicIds.set('t', 'old');
      const asked = client.metadataRequests.length;
      await waitFor(() => client.metadataRequests.length > asked, { what: 'metadata of the lagging broker' });
      await turns();
      const sent = client.sent.length;
      await turns();
      client.onSent = (each) => each.ack();
      client.topicIds.set('t', 'new');
      expect(brief(await verdict)).to.equal('acked');
      expect(client.sent.slice(sent).map(({ request }) => request.topicId)).to.deep.equal(['new']);
    });

    it('counts as deleted once a broker that took its records reports so, though other brokers still name it', async () => {
      const { client, producer } = start();
      client.topicIds.set('t', 'old');
      client.onSent = (sent) => sent.ack();
      await producer.publish('t', testRecord('a'), soon());
      client.onSent = (sent) => sent.fail('UNKNOWN_TOPIC_ID', { wire: 'verdict' });
      const verdict = producer.publish('t', testRecord('b'), soon(4_000));
      await waitFor(() => client.sent.length === 2, { what: 'the refusal' });
      // As long as any broker may lag behind, which is longer than a topic needs to become known.
      const asked = client.metadataRequests.length;
      const startedMs = performance.now();
      await waitFor(() => performance.now() - startedMs > 900 && client.metadataRequests.length > asked + 1, {
        what: 'metadata, again and again',
      });
      expect(client.sent).to.have.length(2);
      client.onSent = (sent) => sent.ack();
      client.topicIds.set('t', 'new');
      expect(brief(await verdict)).to.equal('acked');
      expect(client.sent.at(-1)?.request.topicId).to.equal('new');
    });

    it('receives nothing while the brokers do not agree on its id', async () => {
      const { client, producer } = start();
      client.topicIds.set('t', 'old');
      client.onSent = (sent) => sent.fail('UNKNOWN_TOPIC_ID', { wire: 'verdict' });
      const verdict = producer.publish('t', testRecord('a'), soon());
      await waitFor(() => client.metadataRequests.length >= 3, { what: 'metadata, again and again' });
      expect(client.sent).to.have.length(1);
      client.onSent = (sent) => sent.ack();
      expect(brief(await verdict)).to.equal('acked');
    });

    it('is answered as not found when its id stays unknown until the deadline', async () => {
      const { client, producer } = start();
      client.onSent = (sent) => sent.fail('UNKNOWN_TOPIC_ID', { wire: 'verdict' });
      expect(brief(await producer.publish('t', testRecord('a'), soon(60)))).to.equal('not_sent TOPIC_NOT_FOUND');
    });
  });

  describe('requests', () => {
    const keys = Array.from({ length: 40 }, (_, index) => `key-${index}`);

    function wide(options: Parameters<typeof fakeProducer>[0] = {}) {
      const made = start(options);
      made.client.topics.set('wide', 6);
      for (const id of [3, 4, 5]) made.client.leaders.set(`wide/${id}`, 2);
      return made;
    }

    it('carry the batches of one leader, each partition once', async () => {
      const { client, producer } = wide();
      client.onSent = (sent) => sent.ack();
      const verdicts = await Promise.all(keys.map((key) => producer.publish('wide', testRecord(key, key), soon())));
      expect(new Set(verdicts.map(brief))).to.deep.equal(new Set(['acked']));
      const requests = [...new Set(client.sent.map(({ request }) => request))];
      expect(
        requests.map(({ leader, batches }) => [
          leader,
          batches.map(({ partition }) => partition).toSorted((a, b) => a - b),
        ]),
      ).to.deep.equal([
        [1, [0, 1, 2]],
        [2, [3, 4, 5]],
      ]);
    });

    it('are bounded by the bytes of a batch', async () => {
      const { client, producer } = wide({ limits: { batchBytesMax: 600 } });
      client.onSent = (sent) => sent.ack();
      const value = 'x'.repeat(80);
      await Promise.all(keys.map((key) => producer.publish('wide', testRecord(value, key), soon())));
      for (const { batches } of new Set(client.sent.map(({ request }) => request))) {
        const bytes = batches.flatMap(({ records }) => records).reduce((sum, record) => sum + recordBytes(record), 0);
        expect(bytes).to.be.at.most(600);
      }
    });

    it('leave records without a key to another leader when one is full', async () => {
      const { client, producer } = wide({ limits: { batchBytesMax: 200 } });
      const verdicts = Array.from({ length: 12 }, () => producer.publish('wide', testRecord('x'.repeat(150)), soon()));
      // Four requests in flight are as many as a leader gets; nobody has answered yet.
      await sentCount(client, 6);
      expect(new Set(client.sent.map(({ request }) => request.leader))).to.deep.equal(new Set([1, 2]));
      client.onSent = (sent) => sent.ack();
      for (const sent of client.sent) sent.ack();
      expect((await Promise.all(verdicts)).map(brief)).to.deep.equal(verdicts.map(() => 'acked'));
    });

    it('have a verdict for each partition: one refusal affects no other', async () => {
      const { client, producer } = wide();
      client.onSent = (sent) =>
        sent.batch.partition === 1
          ? sent.fail('KAFKA_STORAGE_ERROR', { wire: 'verdict', retriable: false })
          : sent.ack(BigInt(sent.batch.partition * 100));
      const verdicts = await Promise.all(keys.map((key) => producer.publish('wide', testRecord(key, key), soon())));
      const partitionOfKey = (key: string) => murmur2Partition(Buffer.from(key), 6);
      verdicts.forEach((verdict, index) => {
        const partition = partitionOfKey(keys[index] ?? '');
        if (partition === 1) expect(brief(verdict)).to.equal('not_sent INTERNAL');
        else expect(verdict).to.include({ outcome: 'acked', partition });
      });
    });

    it('leave the outcome unknown of partitions that the answer does not name', async () => {
      const { client, producer } = wide();
      client.produce = (request) => Promise.resolve(request.batches.slice(0, 1).map(() => ({ baseOffset: 7n })));
      const verdicts = await Promise.all(keys.map((key) => producer.publish('wide', testRecord(key, key), soon())));
      const outcomes = verdicts.map(({ outcome }) => outcome);
      expect(new Set(outcomes)).to.deep.equal(new Set(['acked', 'unknown']));
    });
  });

  describe('close', () => {
    it('sends what it can, then answers SHUTTING_DOWN, and unknown for records that were sent', async () => {
      const { client, producer } = start();
      const onWire = producer.publish('t', testRecord('a'), soon());
      await sentCount(client, 1);
      const waiting = producer.publish('t', testRecord('b'), soon());
      const closed = producer.close(soon(50));
      expect(brief(await producer.publish('t', testRecord('c'), soon()))).to.equal('not_sent SHUTTING_DOWN');
      await closed;
      expect(brief(await waiting)).to.equal('not_sent SHUTTING_DOWN');
      expect(brief(await onWire)).to.equal('unknown DELIVERY_UNKNOWN');
      expect(client.closed).to.equal(true);
    });

    it('ends as soon as the queue is empty', async () => {
      const { client, producer } = start();
      const verdict = producer.publish('t', testRecord('a'), soon());
      client.onSent = (sent) => sent.ack();
      const startedMs = performance.now();
      await producer.close(soon(5000));
      expect(performance.now() - startedMs).to.be.lessThan(500);
      expect(brief(await verdict)).to.equal('acked');
    });
  });

  describe('enqueue', () => {
    it('answers accepted; what is lost is counted and logged with topic, partition and count', async () => {
      const lines: string[] = [];
      const logger = createLogger({ level: 'info', format: 'json', write: (line) => lines.push(line) });
      const { client, producer, registry } = start({ logger });
      expect(producer.enqueue('t', testRecord('a'), soon())).to.deep.equal({ outcome: 'accepted', topic: 't' });
      producer.enqueue('t', testRecord('b'), soon());
      (await sentCount(client, 1)).fail('TOPIC_AUTHORIZATION_FAILED', { wire: 'verdict', retriable: false });
      await waitFor(() => producer.figures().records === 0, { what: 'the verdict', timeoutMs: 1000 });
      await producer.close(0);
      const line = lines
        .map((text): unknown => JSON.parse(text))
        .find((entry) => JSON.stringify(entry).includes('records_lost'));
      expect(line).to.include({
        topic: 't',
        partition: 0,
        count: 2,
        code: 'TOPIC_AUTHORIZATION_FAILED',
        outcome: 'not_sent',
      });
      expect(await registry.metrics()).to.include('sluice_kafka_async_lost_total{cluster="test",topic="t"} 2');
    });
  });

  it('counts a topic that the brokers do not know as other, lost or not', async () => {
    const { client, producer, registry } = start();
    const options = { retriable: true, wire: 'verdict' } as const;
    client.refusals.set('invented', new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', 'no such topic', options));
    producer.enqueue('invented', testRecord('a'), soon(30));
    await waitFor(() => producer.figures().records === 0, { what: 'the verdict', timeoutMs: 1000 });
    const text = await registry.metrics();
    expect(text).to.include('sluice_kafka_async_lost_total{cluster="test",topic="other"} 1');
    expect(text).to.include('sluice_kafka_records_total{cluster="test",topic="other",outcome="not_sent"} 1');
    expect(text).not.to.include('invented');
  });

  it('moves its metrics of failures, of what waits, and of the cluster', async () => {
    const { client, producer, registry } = start();
    const refused = producer.publish('t', testRecord('a'), soon());
    (await sentCount(client, 1)).fail('MESSAGE_TOO_LARGE', { wire: 'verdict', retriable: false });
    await refused;
    const open = producer.publish('t', testRecord('b'), soon(60));
    await sentCount(client, 2);
    client.ready = false;
    producer.enqueue('t', testRecord('waits'), soon(60));
    await new Promise((resolve) => setTimeout(resolve, 5));
    const meanwhile = await registry.metrics();
    expect(meanwhile).to.match(/sluice_kafka_queue_bytes\{cluster="test"\} [1-9]/);
    expect(meanwhile).to.match(/sluice_kafka_queue_oldest_age_seconds\{cluster="test"\} 0\.00*[1-9]/);
    expect(meanwhile).to.include('sluice_kafka_cluster_up{cluster="test"} 1');
    expect(brief(await open)).to.equal('unknown DELIVERY_UNKNOWN');
    client.sent[1]?.ack();
    await turns();
    producer.enqueue('t', testRecord('c'), soon());
    client.status({ state: 'failing', error: 'gone', loginRefused: false });
    const text = await registry.metrics();
    for (const part of [
      'sluice_kafka_failed_attempts_total{cluster="test",error="MESSAGE_TOO_LARGE"} 1',
      'sluice_kafka_records_total{cluster="test",topic="t",outcome="rejected"} 1',
      'sluice_kafka_records_total{cluster="test",topic="t",outcome="unknown"} 1',
      'sluice_kafka_late_verdicts_total{cluster="test",verdict="acked"} 1',
      'sluice_kafka_cluster_up{cluster="test"} 0',
    ]) {
      expect(text).to.include(part);
    }
  });

  it('moves its metrics', async () => {
    const { client, producer, registry } = start();
    const held = producer.publish('t', testRecord('a'), soon());
    await sentCount(client, 1);
    expect(await registry.metrics()).to.match(/sluice_kafka_queue_records\{cluster="test"\} 1/);
    client.sent[0]?.ack();
    await held;
    const text = await registry.metrics();
    for (const part of [
      'sluice_kafka_records_total{cluster="test",topic="t",outcome="acked"} 1',
      'sluice_kafka_batch_records_count{cluster="test"} 1',
      'sluice_kafka_bytes_total{cluster="test",topic="t"} 17',
      'sluice_kafka_produce_duration_seconds_count{cluster="test"} 1',
      'sluice_kafka_queue_records{cluster="test"} 0',
      'sluice_kafka_queue_bytes{cluster="test"} 0',
      'sluice_kafka_queue_oldest_age_seconds{cluster="test"} 0',
    ]) {
      expect(text).to.include(part);
    }
  });

  async function turns(count = 5): Promise<void> {
    for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
});
