import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import * as fc from 'fast-check';
import type { Verdict } from '../../../data-plane/kafka/producer-types.ts';
import { FakeKafkaClient, fakeProducer, type SentBatch, testRecord } from './fake-kafka-client.ts';

const partitions = 3;
const longMs = 2000;
/** Beyond the longest delay of the event loop itself, which on a busy machine is no fault of the producer's. */
const slackMs = 100;
const loopDelay = monitorEventLoopDelay({ resolution: 5 });

/** What becomes of one Produce request. */
type Fate =
  | 'ack'
  | 'lost_written'
  | 'lost_before_written'
  | 'lost_and_written_later'
  | 'untouched'
  | 'not_leader'
  | 'not_leader_after_append'
  | 'too_few_after_append'
  | 'refuse_marked'
  | 'denied'
  | 'never';

type Step =
  | { readonly kind: 'publish'; readonly key: number | null; readonly deadlineMs: number; readonly marked: boolean }
  | { readonly kind: 'pause'; readonly ms: number }
  | { readonly kind: 'ready'; readonly ready: boolean };

const fate = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Fate>('ack') },
  {
    weight: 4,
    arbitrary: fc.constantFrom<Fate>(
      'lost_written',
      'lost_before_written',
      'lost_and_written_later',
      'untouched',
      'not_leader',
      'not_leader_after_append',
      'too_few_after_append',
      'refuse_marked',
      'denied',
      'never',
    ),
  },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      key: fc.option(fc.nat(4)),
      deadlineMs: fc.constantFrom(8, 25, longMs),
      marked: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pause' as const), ms: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('ready' as const), ready: fc.boolean() }) },
);

/** The brokers' side: what is in the partitions, and the fates in turn. */
class Truth {
  readonly logs: string[][] = Array.from({ length: partitions }, () => []);
  readonly inFlight = new Set<number>();
  readonly faults: string[] = [];
  readonly #fates: readonly Fate[];
  /** Of idempotent producers, by partition and producer id: what they may write next, and where what they wrote stands. */
  readonly #producers = new Map<string, { next: number; readonly offsets: Map<string, bigint> }>();
  #next = 0;

  constructor(fates: readonly Fate[]) {
    this.#fates = fates;
  }

  receive(sent: SentBatch): void {
    const { partition } = sent.batch;
    if (this.inFlight.has(partition)) this.faults.push(`two requests in flight to partition ${partition}`);
    this.inFlight.add(partition);
    const fate = this.#fates[this.#next++] ?? 'ack';
    setImmediate(() => {
      if (fate !== 'never') this.inFlight.delete(partition);
      this.#answer(sent, fate);
    });
  }

  #answer(sent: SentBatch, fate: Fate): void {
    switch (fate) {
      case 'ack':
        return this.#writeAndAck(sent);
      case 'lost_written':
        this.#write(sent);
        return sent.fail('CONNECTION_FAILED', { wire: 'unknown' });
      case 'lost_before_written':
        return sent.fail('CONNECTION_FAILED', { wire: 'unknown' });
      case 'lost_and_written_later':
        setTimeout(() => this.#write(sent), 4);
        return sent.fail('CONNECTION_FAILED', { wire: 'unknown' });
      case 'untouched':
        return sent.fail('CONNECTION_FAILED', { wire: 'untouched' });
      case 'not_leader':
        return sent.fail('NOT_LEADER_OR_FOLLOWER', { wire: 'verdict' });
      case 'not_leader_after_append':
        this.#write(sent);
        return sent.fail('NOT_LEADER_OR_FOLLOWER', { wire: 'unknown' });
      case 'too_few_after_append':
        this.#write(sent);
        return sent.fail('NOT_ENOUGH_REPLICAS_AFTER_APPEND', { wire: 'unknown' });
      case 'refuse_marked':
        if (!sent.values.some((value) => value.startsWith('big'))) return this.#writeAndAck(sent);
        return sent.fail('MESSAGE_TOO_LARGE', { wire: 'verdict', retriable: false });
      case 'denied':
        return sent.fail('TOPIC_AUTHORIZATION_FAILED', { wire: 'verdict', retriable: false });
      case 'never':
        return;
    }
  }

  #writeAndAck(sent: SentBatch): void {
    const offset = this.#write(sent);
    if (offset !== null) sent.ack(offset);
    else sent.fail('OUT_OF_ORDER_SEQUENCE_NUMBER', { wire: 'verdict', retriable: false });
  }

  /** Appends, or finds what was appended before; null when the sequence number has a gap before it. */
  #write(sent: SentBatch): bigint | null {
    const { partition, stamp } = sent.batch;
    const log = this.logs[partition] ?? [];
    const base = BigInt(log.length);
    if (stamp !== null) {
      const id = `${partition}/${stamp.producer.id}`;
      const producer = this.#producers.get(id) ?? { next: 0, offsets: new Map<string, bigint>() };
      this.#producers.set(id, producer);
      const batch = `${stamp.sequence}+${sent.values.length}`;
      const before = producer.offsets.get(batch);
      if (before !== undefined) {
        const there = log.slice(Number(before), Number(before) + sent.values.length);
        if (there.join() !== sent.values.join()) this.faults.push(`another batch with the stamp ${id} ${batch}`);
        return before;
      }
      if (stamp.sequence !== producer.next) return null;
      producer.next += sent.values.length;
      producer.offsets.set(batch, base);
    }
    log.push(...sent.values);
    return base;
  }
}

describe('lanes under random schedules', function () {
  this.timeout(120_000);

  for (const idempotent of [false, true]) {
    it(`answer truthfully, in time and in order${idempotent ? ', and write nothing twice (idempotent)' : ''}`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { maxLength: 40 }),
          fc.array(fate, { maxLength: 30 }),
          fc.integer({ min: 1, max: 8 }),
          (steps, fates, batchRecordsMax) => run({ steps, fates, batchRecordsMax, idempotent }),
        ),
        { numRuns: 60 },
      );
    });
  }
});

async function run({
  steps,
  fates,
  batchRecordsMax,
  idempotent,
}: {
  steps: readonly Step[];
  fates: readonly Fate[];
  batchRecordsMax: number;
  idempotent: boolean;
}): Promise<void> {
  loopDelay.reset();
  loopDelay.enable();
  const client = new FakeKafkaClient();
  client.topics.set('t', partitions);
  const truth = new Truth(fates);
  client.onSent = (sent) => truth.receive(sent);
  const limits = { batchRecordsMax, retryBackoffMs: 1, attemptsMax: 3 };
  const { producer } = fakeProducer({ client, limits, cluster: { idempotent } });
  const published: { readonly value: string; readonly key: number | null; verdict: Verdict | null; lateMs: number }[] =
    [];
  const waiting: Promise<void>[] = [];
  for (const each of steps) {
    if (each.kind === 'pause') await delay(each.ms);
    else if (each.kind === 'ready') {
      client.ready = each.ready;
      if (each.ready) client.becomeReady();
    } else {
      const entry: (typeof published)[number] = {
        value: `${each.marked ? 'big' : 'small'}-${published.length}`,
        key: each.key,
        verdict: null,
        lateMs: 0,
      };
      published.push(entry);
      const deadlineMs = performance.now() + each.deadlineMs;
      const record = testRecord(entry.value, each.key === null ? null : `key${each.key}`);
      waiting.push(
        producer.publish('t', record, deadlineMs).then((verdict) => {
          entry.verdict = verdict;
          entry.lateMs = performance.now() - deadlineMs;
        }),
      );
    }
  }
  client.becomeReady();
  await delay(30);
  await producer.close(performance.now() + 30);
  await Promise.all(waiting);
  // What was refused must not be written later either.
  await delay(8);

  loopDelay.disable();
  const lateMax = slackMs + 2 * (loopDelay.max / 1e6);

  expect(truth.faults).to.deep.equal([]);
  const all = truth.logs.flat();
  if (idempotent) expect(all, 'each record once').to.have.length(new Set(all).size);
  for (const { value, verdict, lateMs } of published) {
    expect(lateMs, `${value} in time`).to.be.lessThan(lateMax);
    if (verdict?.outcome === 'acked') expect(truth.logs[verdict.partition]?.[Number(verdict.offset)]).to.equal(value);
    if (verdict?.outcome === 'not_sent' || verdict?.outcome === 'rejected') {
      expect(all, `${value} is ${verdict.outcome} ${verdict.code}`).to.not.include(value);
    }
  }
  for (const key of [0, 1, 2, 3, 4]) {
    const values = published
      .filter((entry) => entry.key === key && entry.verdict?.outcome === 'acked')
      .map(({ value }) => value);
    const firstAt = values.map(
      (value) => truth.logs.flatMap((log) => (log.includes(value) ? [log.indexOf(value)] : []))[0],
    );
    expect(firstAt, `order of key ${key}`).to.deep.equal([...firstAt].sort((a = 0, b = 0) => a - b));
  }
  expect(producer.figures()).to.include({ records: 0, bytes: 0 });
}
