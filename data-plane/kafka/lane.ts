import type { BatchOutcome, ProduceBatch, ProduceResult, SequenceStamp } from './kafka-client.ts';
import { KafkaError } from './kafka-error.ts';
import { type Entry, EntryQueue } from './entry.ts';
import type { BatchFailure, LaneProducer, LaneTopic } from './lane-owner.ts';
import {
  bytesOf,
  countSettled,
  earliestOf,
  type LaneBatch,
  mayTryAgain,
  newBatch,
  partSendable,
  retryPauseMs,
} from './lane-batch.ts';
import { deadlineBeforeWire, type Failure, judge, type Judgement, predecessorFailed } from './produce-failure.ts';
import { ProducerIdentity } from './producer-identity.ts';

interface InFlight {
  readonly batch: LaneBatch;
  readonly stamp: SequenceStamp | null;
  readonly topicId: string | null;
  readonly leader: number;
}

export interface LaneOptions {
  readonly topic: LaneTopic;
  readonly producer: LaneProducer;
  readonly topicId: string | null;
  readonly partition: number;
  readonly leader: number;
  /** The slot is free again. */
  readonly onDone: (failure: BatchFailure | null) => void;
}

/**
 * One topic-partition: a queue with one batch in flight. Records that arrive meanwhile form the next batch. A batch that
 * failed stays at the head, so that order is kept.
 */
export class Lane {
  readonly topic: LaneTopic;
  readonly partition: number;
  readonly queue = new EntryQueue();
  leader: number;
  /** The broker that has taken records by the id that the topic has now; null: none has. */
  takenBy: number | null = null;
  readonly #producer: LaneProducer;
  readonly #onDone: LaneOptions['onDone'];
  /** Null: not idempotent. */
  readonly #identity: ProducerIdentity | null;
  #topicId: string | null;
  /** Batches to be sent (again) before the queue, in order. */
  #heads: LaneBatch[] = [];
  #inFlight: InFlight | null = null;
  /** Monotonic; the end of the present backoff. */
  #notBeforeMs = 0;

  constructor({ topic, producer, topicId, partition, leader, onDone }: LaneOptions) {
    this.#onDone = onDone;
    this.topic = topic;
    this.#producer = producer;
    this.#topicId = topicId;
    this.partition = partition;
    this.leader = leader;
    this.#identity = !producer.idempotent
      ? null
      : new ProducerIdentity({
          client: producer.client,
          requestTimeoutMs: producer.requestTimeoutMs,
          wakeAt: (monotonicMs) => producer.wakeAt(monotonicMs),
          onReady: () => topic.ready(),
          onRefused: (error) => topic.refused(error),
        });
  }

  /** Takes over who leads the partition, and the topic's id. */
  learn(topicId: string | null, leader: number): void {
    // A new leader may be tried at once, whatever the old one refused.
    if (leader !== this.leader) this.#notBeforeMs = 0;
    this.leader = leader;
    if (topicId === this.#topicId) return;
    this.#topicId = topicId;
    this.takenBy = null;
    // Another log, which knows no sequence numbers of ours.
    this.#identity?.retire();
  }

  get isBusy(): boolean {
    return this.#inFlight !== null;
  }

  get hasWork(): boolean {
    return this.#heads.length > 0 || this.queue.length > 0;
  }

  /** A batch that failed or was split waits at the head. */
  get isRetrying(): boolean {
    return this.#heads.length > 0;
  }

  /** Nothing queued, the slot free, and ready for a batch of whatever comes. */
  isIdle(nowMs: number): boolean {
    if (this.#inFlight !== null || this.hasWork || nowMs < this.#notBeforeMs) return false;
    return this.#identity === null || this.#identity.isReady(nowMs);
  }

  get oldestQueuedAtMs(): number {
    return this.#heads[0]?.entries[0]?.queuedAtMs ?? this.queue.first?.queuedAtMs ?? Infinity;
  }

  /** The smallest size that the next batch can have, in bytes. */
  leastBytes(source: EntryQueue): number {
    const [head] = this.#heads;
    return head === undefined ? (source.first?.bytes ?? 0) : bytesOf(head.entries);
  }

  /**
   * Takes the next batch, which is in flight from then on; from `source` when the lane has none of its own, and then
   * within `bytesMax`. Null when the slot is taken, the leader is not ready, or nothing is left to send.
   */
  take(source: EntryQueue, bytesMax: number, nowMs: number): { batch: ProduceBatch; entries: readonly Entry[] } | null {
    if (this.#inFlight !== null) return null;
    if (nowMs < this.#notBeforeMs) {
      this.#producer.wakeAt(this.#notBeforeMs);
      return null;
    }
    if (this.leader < 0 || !this.#producer.client.isReady(this.leader)) return null;
    this.#expireHeads(nowMs);
    const frozen = this.#heads[0]?.frozen ?? null;
    if (frozen === null && this.#identity !== null && !this.#identity.isReady(nowMs)) return null;
    const batch = this.#heads.shift() ?? this.#takeQueued(source, bytesMax, nowMs);
    if (batch === null) return null;
    const stamp = frozen?.stamp ?? this.#identity?.stamp() ?? null;
    this.#inFlight = { batch, stamp, topicId: this.#topicId, leader: this.leader };
    const records = batch.entries.map((entry) => {
      entry.partition = this.partition;
      return entry.record;
    });
    return { batch: { partition: this.partition, records, stamp }, entries: batch.entries };
  }

  /** Handles the result of the batch in flight. */
  answered(outcome: BatchOutcome): void {
    const inFlight = this.#inFlight;
    if (inFlight === null) return;
    this.#inFlight = null;
    const { entries } = inFlight.batch;
    const isFailure = outcome instanceof KafkaError;
    const late = countSettled(entries);
    if (late > 0) this.topic.late(late, !isFailure);
    if (isFailure) this.#failed(inFlight, outcome, late);
    else this.#succeeded(inFlight, outcome);
  }

  /** Answers what is due: not sent while it waits, unknown once it may have been written. */
  expire(nowMs: number): void {
    this.#expireHeads(nowMs);
    const due = this.queue.takeDue(nowMs);
    if (due.length > 0) this.topic.failed(due, deadlineBeforeWire);
    if (this.#inFlight !== null) this.#expireInFlight(this.#inFlight.batch, nowMs);
  }

  get earliestDeadlineMs(): number {
    let earliest = this.queue.earliestDeadlineMs;
    for (const { entries } of this.#heads) earliest = Math.min(earliest, earliestOf(entries));
    if (this.#inFlight !== null) earliest = Math.min(earliest, earliestOf(this.#inFlight.batch.entries));
    return earliest;
  }

  /** Gives up everything that waits. The batch in flight goes on. */
  failWaiting(failure: Failure): void {
    const heads = this.#heads;
    this.#heads = [];
    for (const head of heads) this.#giveUp(head, failure);
    const queued = this.queue.takeAll();
    if (queued.length > 0) this.topic.failed(queued, failure);
  }

  /** Takes out everything that waits and may go elsewhere, in order; gives up the rest. */
  takeWaiting(): Entry[] {
    const heads = this.#heads;
    this.#heads = [];
    const waiting: Entry[] = [];
    for (const head of heads) {
      if (head.frozen === null) waiting.push(...head.entries);
      else this.#giveUp(head, deadlineBeforeWire);
    }
    return waiting.concat(this.queue.takeAll());
  }

  /** Answers the batch in flight as unknown. */
  abandon(failure: Failure): void {
    if (this.#inFlight === null) return;
    const open = this.#inFlight.batch.entries.filter(({ settle }) => settle !== null);
    for (const entry of open) entry.mayBeWritten = true;
    this.topic.failed(open, failure);
  }

  #takeQueued(source: EntryQueue, bytesMax: number, nowMs: number): LaneBatch | null {
    const { batchRecordsMax } = this.#producer.limits();
    while (source.length > 0) {
      // The last check before the wire: a record that is due must never be written.
      const taken = source.take(batchRecordsMax, bytesMax);
      const { due, behind, live } = partSendable(taken, this.partition, nowMs);
      if (due.length > 0) this.topic.failed(due, deadlineBeforeWire);
      for (const entry of behind) entry.partition = this.partition;
      if (behind.length > 0) this.topic.failed(behind, predecessorFailed);
      if (live.length > 0) return newBatch(live);
    }
    return null;
  }

  /** Expires waiting batches. A frozen batch expires as a whole: it cannot be sent again without one of its records. */
  #expireHeads(nowMs: number): void {
    if (this.#heads.length === 0) return;
    const kept: LaneBatch[] = [];
    for (const head of this.#heads) {
      const failure = head.failure ?? deadlineBeforeWire;
      const { due, behind, live } = partSendable(head.entries, this.partition, nowMs);
      if (head.frozen !== null) {
        if (due.length === 0 && head.frozen.topicId === this.#topicId) kept.push(head);
        else this.#giveUp(head, failure);
        continue;
      }
      if (due.length > 0) this.topic.failed(due, failure);
      if (behind.length > 0) this.topic.failed(behind, predecessorFailed);
      if (live.length > 0) kept.push(live === head.entries ? head : { ...head, entries: live });
    }
    this.#heads = kept;
    // The backoff was for batches that are gone now.
    if (kept.length === 0) this.#notBeforeMs = 0;
  }

  #expireInFlight({ entries, failure }: LaneBatch, nowMs: number): void {
    let due: Entry[] | null = null;
    for (const entry of entries) {
      if (entry.deadlineMs > nowMs || entry.settle === null) continue;
      entry.mayBeWritten = true;
      (due ??= []).push(entry);
    }
    if (due !== null) this.topic.failed(due, failure ?? deadlineBeforeWire);
  }

  #succeeded({ batch, stamp, topicId, leader }: InFlight, { baseOffset }: ProduceResult): void {
    if (topicId === this.#topicId) this.takenBy = leader;
    if (stamp !== null) this.#identity?.acked(stamp, batch.entries.length);
    this.topic.acked(this.partition, batch.entries, baseOffset);
    this.#onDone(null);
  }

  #failed({ batch, stamp, topicId }: InFlight, error: KafkaError, late: number): void {
    const judgement = judge(error, stamp !== null);
    const { mayBeWritten, failure } = judgement;
    if (mayBeWritten) for (const entry of batch.entries) entry.mayBeWritten = true;
    const attempts = batch.attempts + (judgement.counts ? 1 : 0);
    const unanswered = batch.unanswered + (mayBeWritten ? 1 : 0);
    const tried = { attempts, unanswered, failure };
    if (stamp !== null && (mayBeWritten || batch.frozen !== null)) {
      this.#keepFrozen({ ...batch, ...tried, frozen: { stamp, topicId } }, judgement, late);
    } else {
      if (judgement.retires) this.#identity?.retire();
      const entries = late === 0 ? batch.entries : batch.entries.filter(({ settle }) => settle !== null);
      this.#decide({ entries, ...tried, frozen: null }, failure, judgement.next);
    }
    this.#onDone({ error, refresh: judgement.refresh, topicId });
  }

  /** The stamp may be used up: the same batch is sent again, or nothing more with this producer id. */
  #keepFrozen(batch: LaneBatch, { next, retires, failure }: Judgement, late: number): void {
    if (late > 0 || retires || next !== 'retry' || !mayTryAgain(batch, this.#producer.limits())) {
      this.#giveUp(batch, failure);
    } else {
      this.#retry(batch);
    }
  }

  #decide(batch: LaneBatch, failure: Failure, next: Judgement['next']): void {
    const { entries } = batch;
    if (entries.length === 0) return;
    if (next === 'split' && entries.length > 1) {
      const middle = entries.length >> 1;
      this.#heads.unshift(newBatch(entries.slice(0, middle)), newBatch(entries.slice(middle)));
    } else if (next !== 'retry' || !mayTryAgain(batch, this.#producer.limits())) {
      this.topic.failed(entries, failure);
    } else {
      this.#retry(batch);
    }
  }

  #retry(batch: LaneBatch): void {
    this.#heads.unshift(batch);
    this.#notBeforeMs = performance.now() + retryPauseMs(batch, this.#producer.limits());
    this.#producer.wakeAt(this.#notBeforeMs);
    this.#producer.wakeAt(earliestOf(batch.entries));
  }

  #giveUp({ entries, frozen }: LaneBatch, failure: Failure): void {
    if (frozen !== null) this.#identity?.retire();
    this.topic.failed(entries, failure);
  }
}
