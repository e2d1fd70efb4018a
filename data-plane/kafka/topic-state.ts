import { doublingMs } from '../../shared/backoff.ts';
import type { TopicMetadata } from './kafka-client.ts';
import { type Entry, EntryQueue } from './entry.ts';
import { type BatchFailure, Lane } from './lane.ts';
import { LeaderRequests, type RequestOwner } from './leader-requests.ts';
import { crc32Partition, murmur2Partition } from './partition-choice.ts';
import type { Failure } from './produce-failure.ts';
import { TopicLimit } from './topic-limit.ts';

/** How long a topic that the brokers refuse is set aside before it is asked for again: doubling. */
const quarantine = { firstMs: 100, maxMs: 5000 } as const;
/** Between two looks for a leader: the first is at once, then doubling while they bring nothing. */
const refreshBackoff = { firstMs: 100, maxMs: 1000 } as const;
export const metadataMaxAgeMs = 300_000;

/**
 * How long a topic's id that a broker does not know is sent to no other either. Most likely the topic is gone, and where
 * that is not known yet its old log would still be written to. Or it is so new that this broker has not heard of it.
 */
const doubtMs = 500;
/**
 * The same where that broker has taken records by this id before: there the topic is gone for sure, and brokers that still
 * name it lag behind. An end all the same: what is taken for sure must not stop a topic for ever.
 */
const goneMs = 5_000;
/** Ids of topics of this name that are gone; an older one that comes back would only cost a refresh. */
const formerIdsMax = 8;

/** What one producer knows of one topic. Nothing in here is shared with another topic. */
export class TopicState {
  readonly name: string;
  readonly #owner: RequestOwner;
  readonly #partitionOf: (key: Buffer, partitions: number) => number;
  readonly #requests: LeaderRequests;
  /** Lanes with keyed or refused records to send. */
  readonly #lanesWithWork = new Set<Lane>();
  /** Records without a key: the next free lane takes them, so that a slow leader holds up none but what it has. */
  readonly #keyless = new EntryQueue();
  /** Keyed records from before the number of partitions was known. */
  readonly #unrouted = new EntryQueue();
  #lanes: Lane[] = [];
  /** Lanes of partitions that are gone, with a batch still in flight. */
  readonly #retired = new Set<Lane>();
  #nextLane = 0;
  #topicId: string | null = null;
  /** Of topics that bore this name before: a broker that lags behind may still name them. */
  readonly #formerIds = new Set<string>();
  /** Until when the id that was known so far is not believed; 0: it is. */
  #doubtUntilMs = 0;
  /** Metadata has been read and not been refused since. */
  known = false;
  refreshing = false;
  #refreshAtMs = 0;
  #refreshes = 0;
  #refusal: { readonly failure: Failure; readonly untilMs: number } | null = null;
  #refusals = 0;
  readonly limit = new TopicLimit();

  constructor(name: string, owner: RequestOwner, partitioner: 'murmur2' | 'crc32') {
    this.name = name;
    this.#owner = owner;
    this.#requests = new LeaderRequests(name, owner);
    this.#partitionOf = partitioner === 'crc32' ? crc32Partition : murmur2Partition;
  }

  /** Why records of this topic are answered at once; null when they may be queued. */
  refusal(nowMs: number): Failure | null {
    return this.#refusal !== null && nowMs < this.#refusal.untilMs ? this.#refusal.failure : null;
  }

  add(entry: Entry): void {
    const { key } = entry.record;
    if (key === null) {
      this.#keyless.push(entry);
    } else if (!this.known) {
      this.#unrouted.push(entry);
    } else {
      this.#route(key, entry);
    }
  }

  /** Sends what can be sent. @returns whether records wait for a leader that is not ready */
  flush(nowMs: number): boolean {
    let stuck = false;
    // As many as there are now: a lane that has sent goes to the end of its turn.
    for (let turns = this.#lanesWithWork.size; turns > 0; turns--) {
      const [lane] = this.#lanesWithWork;
      if (lane === undefined) break;
      this.#lanesWithWork.delete(lane);
      if (!lane.hasWork) continue;
      this.#lanesWithWork.add(lane);
      if (lane.isBusy || !this.#requests.hasRoom(lane.leader)) continue;
      if (!lane.isRetrying && !this.#mayLeave(lane.queue, nowMs)) continue;
      if (!this.#requests.add(lane, lane.queue, this.#topicId, nowMs) && !this.#leaderReady(lane)) stuck = true;
    }
    while (this.#keyless.length > 0 && this.#mayLeave(this.#keyless, nowMs)) {
      const lane = this.#freeLane(nowMs);
      if (lane === null) {
        stuck ||= !this.#lanes.some((each) => this.#leaderReady(each));
        break;
      }
      if (this.#requests.add(lane, this.#keyless, this.#topicId, nowMs)) continue;
      // Full is only this leader: the next lane in turn is another's.
      if (this.#requests.hasRoom(lane.leader)) break;
    }
    this.#requests.sendAll(this.#topicId);
    return stuck;
  }

  /** The lane's slot is free again. */
  laneDone(lane: Lane, failure: BatchFailure | null): void {
    if (failure === null) this.#refreshes = 0;
    else if (failure.error.kafkaName === 'UNKNOWN_TOPIC_ID') this.#doubt(failure.topicId, lane.leader);
    // What comes back after the brokers had refused the topic does not wait for it either.
    if (this.#refusal !== null) lane.failWaiting(this.#refusal.failure);
    if (this.#retired.delete(lane)) this.#reroute(lane);
    else if (lane.hasWork) this.#lanesWithWork.add(lane);
  }

  /** Where its records go is known. */
  get canSend(): boolean {
    return this.known && this.#doubtUntilMs === 0;
  }

  needsRefresh(nowMs: number): boolean {
    return !this.refreshing && nowMs >= this.#refreshAtMs;
  }

  get refreshAtMs(): number {
    return this.#refreshAtMs;
  }

  /** Leaders may have changed: ask again, soon. */
  refreshSoon(nowMs: number): void {
    if (this.refreshing) return;
    const soonMs = nowMs + this.#refreshBackoff();
    if (soonMs < this.#refreshAtMs) {
      this.#refreshAtMs = soonMs;
      this.#refreshes++;
    }
  }

  /** A way to the brokers has opened: what was asked in vain is asked at once. */
  refreshNow(): void {
    if (!this.known && this.#refusal === null) this.#refreshAtMs = 0;
    this.#refreshes = 0;
  }

  /** The metadata could not be had; the topic is not to blame. */
  refreshFailed(nowMs: number): void {
    this.#refreshAtMs = nowMs + this.#refreshBackoff();
    this.#refreshes++;
  }

  #refreshBackoff(): number {
    if (this.#refreshes === 0) return 0;
    return doublingMs(this.#refreshes - 1, refreshBackoff);
  }

  learn(metadata: TopicMetadata, nowMs: number): void {
    if (!this.#learnId(metadata.id, nowMs)) return this.refreshFailed(nowMs);
    this.#refreshAtMs = nowMs + metadataMaxAgeMs;
    this.#refusal = null;
    this.#refusals = 0;
    this.known = true;
    for (const { id, leader } of metadata.partitions) {
      const lane = this.#lanes[id];
      if (lane !== undefined) lane.learn(metadata.id, leader);
      else this.#lanes[id] = this.#createLane(id, leader);
    }
    for (const lane of this.#lanes.splice(metadata.partitions.length)) this.#retire(lane);
    for (const entry of this.#unrouted.takeAll()) {
      if (entry.record.key !== null) this.#route(entry.record.key, entry);
    }
  }

  #doubt(id: string | null, leader: number): void {
    if (id !== this.#topicId) return;
    const isGone = this.#lanes.some(({ takenBy }) => takenBy === leader);
    // What has begun in doubt may turn out to be sure.
    if (this.#doubtUntilMs > 0 && !isGone) return;
    this.#doubtUntilMs = performance.now() + (isGone ? goneMs : doubtMs);
  }

  /** @returns whether the metadata is of the topic, not of one that bore its name before */
  #learnId(id: string | null, nowMs: number): boolean {
    if (id !== null && this.#formerIds.has(id)) return false;
    const before = this.#topicId;
    if (id === before && nowMs < this.#doubtUntilMs) return false;
    this.#doubtUntilMs = 0;
    this.#topicId = id;
    if (before === null || id === null || before === id) return true;
    this.#formerIds.add(before);
    const [oldest] = this.#formerIds;
    if (oldest !== undefined && this.#formerIds.size > formerIdsMax) this.#formerIds.delete(oldest);
    return true;
  }

  #createLane(partition: number, leader: number): Lane {
    return new Lane({ topic: this.name, topicId: this.#topicId, partition, leader, owner: this.#owner });
  }

  /** The brokers refuse the topic: set it aside, answer what waits. */
  refuse(failure: Failure, nowMs: number): void {
    const holdMs = doublingMs(this.#refusals++, quarantine);
    this.#refusal = { failure, untilMs: nowMs + holdMs };
    this.#refreshAtMs = nowMs + holdMs;
    this.known = false;
    this.failWaiting(failure);
  }

  expire(nowMs: number, failure: Failure): void {
    for (const queue of [this.#keyless, this.#unrouted]) {
      const due = queue.takeDue(nowMs);
      if (due.length > 0) this.#owner.failed(due, failure);
    }
    for (const lane of this.#lanes) lane.expire(nowMs);
    for (const lane of this.#retired) lane.expire(nowMs);
  }

  earliestDeadlineMs(): number {
    let earliest = Math.min(this.#keyless.earliestDeadlineMs, this.#unrouted.earliestDeadlineMs);
    for (const lane of this.#lanes) earliest = Math.min(earliest, lane.earliestDeadlineMs);
    for (const lane of this.#retired) earliest = Math.min(earliest, lane.earliestDeadlineMs);
    return earliest;
  }

  failWaiting(failure: Failure): void {
    for (const queue of [this.#keyless, this.#unrouted]) {
      const entries = queue.takeAll();
      if (entries.length > 0) this.#owner.failed(entries, failure);
    }
    for (const lane of this.#lanes) lane.failWaiting(failure);
    for (const lane of this.#retired) lane.failWaiting(failure);
    this.#lanesWithWork.clear();
  }

  abandon(failure: Failure): void {
    for (const lane of this.#lanes) lane.abandon(failure);
    for (const lane of this.#retired) lane.abandon(failure);
  }

  get hasWaiting(): boolean {
    return this.#keyless.length > 0 || this.#unrouted.length > 0 || this.#lanesWithWork.size > 0;
  }

  get isIdle(): boolean {
    return !this.hasWaiting && this.#retired.size === 0 && !this.#lanes.some(({ isBusy }) => isBusy);
  }

  get oldestQueuedAtMs(): number {
    let oldest = Math.min(this.#keyless.first?.queuedAtMs ?? Infinity, this.#unrouted.first?.queuedAtMs ?? Infinity);
    for (const lane of this.#lanesWithWork) oldest = Math.min(oldest, lane.oldestQueuedAtMs);
    return oldest;
  }

  #route(key: Buffer, entry: Entry): void {
    const lane = this.#lanes[this.#partitionOf(key, this.#lanes.length)];
    if (lane === undefined) return this.#unrouted.push(entry);
    lane.queue.push(entry);
    this.#lanesWithWork.add(lane);
  }

  #leaderReady(lane: Lane): boolean {
    return lane.leader >= 0 && this.#owner.client.isReady(lane.leader);
  }

  /** The next lane in turn whose slot is free and whose leader can take a batch now. */
  #freeLane(nowMs: number): Lane | null {
    const count = this.#lanes.length;
    for (let step = 0; step < count; step++) {
      const index = (this.#nextLane + step) % count;
      const lane = this.#lanes[index];
      if (lane === undefined || !lane.isIdle(nowMs)) continue;
      if (!this.#requests.hasRoom(lane.leader) || !this.#leaderReady(lane)) continue;
      this.#nextLane = (index + 1) % count;
      return lane;
    }
    return null;
  }

  /** Whether a batch may leave now or waits for the linger. */
  #mayLeave(queue: EntryQueue, nowMs: number): boolean {
    const { lingerMs, batchRecordsMax, batchBytesMax } = this.#owner.limits();
    const first = queue.first;
    if (lingerMs <= 0 || first === undefined) return true;
    const leaveAtMs = first.queuedAtMs + lingerMs;
    if (nowMs >= leaveAtMs || queue.isFull(batchRecordsMax, batchBytesMax)) return true;
    this.#owner.wakeAt(leaveAtMs);
    return false;
  }

  #retire(lane: Lane): void {
    this.#lanesWithWork.delete(lane);
    if (lane.isBusy) this.#retired.add(lane);
    else this.#reroute(lane);
  }

  /** The partition is gone: its records go where they belong now. */
  #reroute(lane: Lane): void {
    for (const entry of lane.takeWaiting()) this.add(entry);
  }
}
