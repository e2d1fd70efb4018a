import { KafkaError, type KafkaClient, type ProduceResult } from './client.ts';
import { type Entry, EntryQueue } from './entry.ts';
import { deadlineBeforeWire, type Failure, judge } from './produce-failure.ts';
import type { ProducerLimits } from './producer.ts';

/** What a lane needs of its producer. */
export interface LaneOwner {
  readonly client: KafkaClient;
  readonly requestTimeoutMs: number;
  limits(): ProducerLimits;
  acked(entries: readonly Entry[], partition: number, baseOffset: bigint | null): void;
  failed(entries: readonly Entry[], failure: Failure): void;
  /** A verdict for entries that had been answered `unknown` at their deadline. */
  late(entries: number, acked: boolean): void;
  sent(lane: Lane, entries: readonly Entry[]): void;
  /** The slot is free again; `refresh`: the leader has to be found anew. */
  done(lane: Lane, error: KafkaError | null, refresh: boolean, tookMs: number): void;
  wakeAt(monotonicMs: number): void;
}

/** Waits between attempts double up to this, or are as the limits say where that is longer. */
const retryBackoffMaxMs = 1_000;

interface Group {
  entries: Entry[];
  /** That reached a broker. */
  attempts: number;
  /** Of these, the ones without a verdict: each may have written the batch once more. */
  unanswered: number;
  /** What the last attempt said; explains a deadline that passes before the next. */
  failure: Failure | null;
}

/**
 * One topic-partition: a queue with one Produce request in flight. What arrives meanwhile is the next batch. A batch that
 * failed stays at the head, so that order is kept.
 */
export class Lane {
  readonly topic: string;
  readonly partition: number;
  readonly queue = new EntryQueue();
  #leader: number;
  readonly #owner: LaneOwner;
  /** Batches to be sent (again) before the queue, in order. */
  #heads: Group[] = [];
  #inFlight: Group | null = null;
  #sentAtMs = 0;
  /** No attempt before: backing off. */
  #notBeforeMs = 0;

  constructor(topic: string, partition: number, leader: number, owner: LaneOwner) {
    this.topic = topic;
    this.partition = partition;
    this.#leader = leader;
    this.#owner = owner;
  }

  /** Broker id; -1: none at the moment. */
  get leader(): number {
    return this.#leader;
  }

  /** What the old leader has refused is not held back from a new one. */
  set leader(leader: number) {
    if (leader !== this.#leader) this.#notBeforeMs = 0;
    this.#leader = leader;
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

  /** Nothing queued and the slot free. */
  isIdle(nowMs: number): boolean {
    return this.#inFlight === null && !this.hasWork && nowMs >= this.#notBeforeMs;
  }

  get oldestQueuedAtMs(): number {
    return this.#heads[0]?.entries[0]?.queuedAtMs ?? this.queue.first?.queuedAtMs ?? Infinity;
  }

  /**
   * Sends the next batch when the slot is free and the leader is ready; takes from `source` when it has none of its own.
   * @returns whether a batch left
   */
  trySend(nowMs: number, source: EntryQueue = this.queue): boolean {
    if (this.#inFlight !== null) return false;
    if (nowMs < this.#notBeforeMs) {
      this.#owner.wakeAt(this.#notBeforeMs);
      return false;
    }
    if (this.leader < 0 || !this.#owner.client.isReady(this.leader)) return false;
    const group = this.#next(source, nowMs);
    if (group === null) return false;
    this.#inFlight = group;
    this.#sentAtMs = nowMs;
    this.#owner.sent(this, group.entries);
    const batch = {
      topic: this.topic,
      partition: this.partition,
      leader: this.leader,
      records: group.entries.map((entry) => {
        entry.partition = this.partition;
        return entry.record;
      }),
      timeoutMs: this.#owner.requestTimeoutMs,
    };
    this.#owner.client.produce(batch).then(
      (result) => this.#succeeded(group, result),
      (error: unknown) => this.#failed(group, error),
    );
    return true;
  }

  /** Answers what is due: not sent while it waits, unknown once it may have been written. */
  expire(nowMs: number): void {
    for (const group of this.#heads) {
      const due = group.entries.filter(({ deadlineMs }) => deadlineMs <= nowMs);
      if (due.length === 0) continue;
      group.entries = group.entries.filter(({ deadlineMs }) => deadlineMs > nowMs);
      this.#owner.failed(due, group.failure ?? deadlineBeforeWire);
    }
    this.#heads = this.#heads.filter(({ entries }) => entries.length > 0);
    const due = this.queue.takeDue(nowMs);
    if (due.length > 0) this.#owner.failed(due, deadlineBeforeWire);
    if (this.#inFlight !== null) this.#expireInFlight(this.#inFlight, nowMs);
  }

  get earliestDeadlineMs(): number {
    let earliest = this.queue.earliestDeadlineMs;
    for (const group of this.#heads) earliest = Math.min(earliest, earliestOf(group.entries));
    if (this.#inFlight !== null) earliest = Math.min(earliest, earliestOf(this.#inFlight.entries));
    return earliest;
  }

  /** Gives up everything that waits; what is in flight goes on. */
  failWaiting(failure: Failure): void {
    const heads = this.#heads;
    this.#heads = [];
    for (const { entries } of heads) this.#owner.failed(entries, failure);
    const queued = this.queue.takeAll();
    if (queued.length > 0) this.#owner.failed(queued, failure);
  }

  /** Takes out everything that waits, in order. */
  takeWaiting(): Entry[] {
    const waiting = this.#heads.flatMap(({ entries }) => entries);
    this.#heads = [];
    return waiting.concat(this.queue.takeAll());
  }

  /** Answers what is in flight as unknown, without a verdict. */
  abandon(failure: Failure): void {
    if (this.#inFlight === null) return;
    const open = this.#inFlight.entries.filter(({ settle }) => settle !== null);
    for (const entry of open) entry.mayBeWritten = true;
    this.#owner.failed(open, failure);
  }

  #next(source: EntryQueue, nowMs: number): Group | null {
    while (true) {
      const head = this.#heads.shift();
      if (head === undefined) break;
      const live = this.#dropDue(head.entries, head.failure ?? deadlineBeforeWire, nowMs);
      if (live.length > 0) return { ...head, entries: live };
    }
    const { batchRecordsMax, batchBytesMax } = this.#owner.limits();
    while (source.length > 0) {
      const live = this.#dropDue(source.take(batchRecordsMax, batchBytesMax), deadlineBeforeWire, nowMs);
      if (live.length > 0) return { entries: live, attempts: 0, unanswered: 0, failure: null };
    }
    return null;
  }

  /** The last look before the wire: what is due by now must never be written. */
  #dropDue(entries: Entry[], failure: Failure, nowMs: number): Entry[] {
    let due = 0;
    for (const { deadlineMs } of entries) if (deadlineMs <= nowMs) due++;
    if (due === 0) return entries;
    this.#owner.failed(
      entries.filter(({ deadlineMs }) => deadlineMs <= nowMs),
      failure,
    );
    return entries.filter(({ deadlineMs }) => deadlineMs > nowMs);
  }

  #expireInFlight(group: Group, nowMs: number): void {
    let due: Entry[] | null = null;
    for (const entry of group.entries) {
      if (entry.deadlineMs > nowMs || entry.settle === null) continue;
      entry.mayBeWritten = true;
      (due ??= []).push(entry);
    }
    if (due !== null) this.#owner.failed(due, group.failure ?? deadlineBeforeWire);
  }

  #succeeded(group: Group, { baseOffset }: ProduceResult): void {
    this.#inFlight = null;
    const late = countSettled(group.entries);
    if (late > 0) this.#owner.late(late, true);
    this.#owner.acked(group.entries, this.partition, baseOffset);
    this.#owner.done(this, null, false, performance.now() - this.#sentAtMs);
  }

  #failed(group: Group, cause: unknown): void {
    this.#inFlight = null;
    const nowMs = performance.now();
    const error =
      cause instanceof KafkaError
        ? cause
        : new KafkaError('INVALID_RESPONSE', 'the client failed', { retriable: false, wire: 'unknown', cause });
    const judgement = judge(error);
    const late = countSettled(group.entries);
    if (late > 0) this.#owner.late(late, false);
    const entries = late === 0 ? group.entries : group.entries.filter(({ settle }) => settle !== null);
    if (judgement.mayBeWritten) for (const entry of entries) entry.mayBeWritten = true;
    this.#decide(
      {
        entries,
        attempts: group.attempts + (judgement.counts ? 1 : 0),
        unanswered: group.unanswered + (judgement.mayBeWritten ? 1 : 0),
        failure: judgement.failure,
      },
      judgement.next,
      nowMs,
    );
    this.#owner.done(this, error, judgement.refresh, nowMs - this.#sentAtMs);
  }

  #decide(group: Group, next: 'retry' | 'split' | 'give_up', nowMs: number): void {
    const { entries, failure } = group;
    if (entries.length === 0 || failure === null) return;
    const { attemptsMax, retryBackoffMs } = this.#owner.limits();
    if (next === 'split' && entries.length > 1) {
      const middle = entries.length >> 1;
      const half = { attempts: 0, unanswered: 0, failure: null };
      this.#heads.unshift({ ...half, entries: entries.slice(0, middle) }, { ...half, entries: entries.slice(middle) });
      return;
    }
    // The deadline ends retries. Attempts are limited where each may write the batch again, or when none is wanted.
    const counted = attemptsMax === 0 ? group.attempts : group.unanswered;
    if (next !== 'retry' || counted > attemptsMax) {
      this.#owner.failed(entries, failure);
      return;
    }
    this.#heads.unshift(group);
    const doubled = retryBackoffMs * 2 ** Math.min(Math.max(0, group.attempts - 1), 20);
    this.#notBeforeMs = nowMs + Math.min(doubled, Math.max(retryBackoffMs, retryBackoffMaxMs));
    this.#owner.wakeAt(this.#notBeforeMs);
    this.#owner.wakeAt(earliestOf(entries));
  }
}

function countSettled(entries: readonly Entry[]): number {
  let settled = 0;
  for (const { settle } of entries) if (settle === null) settled++;
  return settled;
}

function earliestOf(entries: readonly Entry[]): number {
  let earliest = Infinity;
  for (const { deadlineMs, settle } of entries) if (settle !== null && deadlineMs < earliest) earliest = deadlineMs;
  return earliest;
}
