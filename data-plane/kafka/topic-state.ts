import type { Destination } from '../../shared/destination.ts';
import type { TopicMetadata } from './kafka-client.ts';
import type { KafkaError } from './kafka-error.ts';
import { type Entry, EntryQueue } from './entry.ts';
import { Lane } from './lane.ts';
import type { BatchFailure, LaneProducer } from './lane-owner.ts';
import { LeaderRequests, type RequestTopic } from './leader-requests.ts';
import { crc32Partition, murmur2Partition } from './partition-choice.ts';
import { type Failure, failureOf, partitionInvalid } from './produce-failure.ts';
import { TopicIdentity } from './topic-identity.ts';
import { otherTopics } from './topic-labels.ts';
import { PartitionRecount } from './partition-recount.ts';
import { TopicLimit } from './topic-limit.ts';
import { TopicRefresh } from './topic-refresh.ts';
import { TopicRefusal } from './topic-refusal.ts';

/** The producer of a topic, which settles its records. */
export interface TopicOwner extends LaneProducer {
  /** The cluster's name. */
  readonly label: string;
  /** Returns the label of a topic that a request named and the brokers know. */
  labelOf(topic: string): string;
  acked(topic: TopicState, entries: readonly Entry[], partition: number, baseOffset: bigint | null): void;
  failed(topic: TopicState, entries: readonly Entry[], failure: Failure): void;
  late(entries: number, acked: boolean): void;
  sent(topic: TopicState, entries: readonly Entry[]): void;
  /** Says that a request for these partitions has ended; `error` holds for all of it. */
  answered(topic: TopicState, partitions: () => readonly number[], error: KafkaError | null, tookMs: number): void;
  /** Says that a batch brought no success. */
  attemptFailed(error: KafkaError): void;
  /** Asks for a flush of the topic in this turn of the event loop. */
  markDirty(topic: TopicState): void;
}

/** One topic of one producer, with its lanes. Nothing in here is shared with another topic. */
export class TopicState implements RequestTopic {
  readonly name: string;
  readonly #owner: TopicOwner;
  readonly #partitionOf: (key: Buffer, partitions: number) => number;
  readonly #requests: LeaderRequests;
  /** Lanes with keyed or refused records to send. */
  readonly #lanesWithWork = new Set<Lane>();
  /** Records without a key: the next free lane takes them, so that a slow leader only holds up what it has. */
  readonly #keyless = new EntryQueue();
  /** Keyed records, and those with a partition of their own, from before the number of partitions was known. */
  readonly #unrouted = new EntryQueue();
  #lanes: Lane[] = [];
  /** Lanes of partitions that are gone, with a batch still in flight. */
  readonly #retired = new Set<Lane>();
  #nextLane = 0;
  readonly #identity = new TopicIdentity();
  readonly refresh = new TopicRefresh();
  /** A configuration names the topic; else only requests do. */
  isConfigured = false;
  /** Metadata has been read and not been refused since. */
  known = false;
  /** Metadata has been read once. */
  wasKnown = false;
  #namedLabel: string | undefined;
  readonly #refusal = new TopicRefusal();
  readonly limit = new TopicLimit();
  readonly recount = new PartitionRecount();

  constructor(name: string, owner: TopicOwner, partitioner: 'murmur2' | 'crc32') {
    this.name = name;
    this.#owner = owner;
    this.#requests = new LeaderRequests(this, owner);
    this.#partitionOf = partitioner === 'crc32' ? crc32Partition : murmur2Partition;
  }

  /** The topic's name among the labels of metrics. */
  get label(): string {
    if (this.isConfigured) return this.name;
    if (!this.wasKnown) return otherTopics;
    return (this.#namedLabel ??= this.#owner.labelOf(this.name));
  }

  /** Requests made up the name as far as is known. */
  get isStranger(): boolean {
    return !this.isConfigured && !this.known;
  }

  /** Its metadata is fetched even if no record waits for it: the node says whether it can be used. */
  get wantsMetadata(): boolean {
    return this.isConfigured && !this.known;
  }

  get isRefused(): boolean {
    return this.#refusal.failure !== null;
  }

  /** Says whether records can be sent to the topic. */
  get reach(): Pick<Destination, 'state' | 'error'> {
    const { failure } = this.#refusal;
    if (failure !== null) return { state: 'unreachable', error: failure.message };
    return { state: this.known ? 'reachable' : 'untested', error: null };
  }

  /** Returns the number of partitions as far as it is known. */
  get partitions(): number {
    return this.#lanes.length;
  }

  /** Returns the reason for answering records of this topic at once; null when they may be queued. */
  refusal(nowMs: number): Failure | null {
    return this.#refusal.at(nowMs);
  }

  add(entry: Entry): void {
    const { key, partition } = entry.record;
    if (key === null && partition === undefined) {
      this.#keyless.push(entry);
    } else if (!this.known) {
      this.#unrouted.push(entry);
    } else {
      this.#route(entry);
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
      if (!this.#requests.add(lane, lane.queue, this.#identity.id, nowMs) && !this.#leaderReady(lane)) stuck = true;
    }
    while (this.#keyless.length > 0 && this.#mayLeave(this.#keyless, nowMs)) {
      const lane = this.#freeLane(nowMs);
      if (lane === null) {
        stuck ||= !this.#lanes.some((each) => this.#leaderReady(each));
        break;
      }
      if (this.#requests.add(lane, this.#keyless, this.#identity.id, nowMs)) continue;
      // Full is only this leader: the next lane in turn is another's.
      if (this.#requests.hasRoom(lane.leader)) break;
    }
    this.#requests.sendAll(this.#identity.id);
    return stuck;
  }

  /** The partitions and leaders of the topic are known. */
  get canSend(): boolean {
    return this.known && !this.#identity.isInDoubt;
  }

  // Reports of lanes and requests.

  acked(partition: number, entries: readonly Entry[], baseOffset: bigint | null): void {
    this.#owner.acked(this, entries, partition, baseOffset);
  }

  failed(entries: readonly Entry[], failure: Failure): void {
    this.#owner.failed(this, entries, failure);
  }

  late(entries: number, acked: boolean): void {
    this.#owner.late(entries, acked);
  }

  sent(entries: readonly Entry[]): void {
    this.#owner.sent(this, entries);
  }

  answered(lanes: readonly Lane[], error: KafkaError | null, tookMs: number): void {
    this.#owner.answered(this, () => lanes.map(({ partition }) => partition), error, tookMs);
  }

  #laneDone(lane: Lane, failure: BatchFailure | null): void {
    if (failure === null) this.refresh.forgetAttempts();
    else this.#attemptFailed(lane, failure);
    // A batch that comes back after the brokers had refused the topic does not wait for it either.
    if (this.#refusal.failure !== null) lane.failWaiting(this.#refusal.failure);
    if (this.#retired.delete(lane)) this.#reroute(lane);
    else if (lane.hasWork) this.#lanesWithWork.add(lane);
    if (failure !== null || this.hasWaiting) this.#owner.markDirty(this);
  }

  #attemptFailed(lane: Lane, { error, refresh, topicId }: BatchFailure): void {
    const nowMs = performance.now();
    this.#owner.attemptFailed(error);
    if (error.kafkaName === 'UNKNOWN_TOPIC_ID') {
      const isGone = this.#lanes.some(({ takenBy }) => takenBy === lane.leader);
      this.#identity.doubt(topicId, isGone, nowMs);
    }
    if (!refresh) return;
    this.refresh.soon(nowMs);
    this.#owner.wakeAt(this.refresh.atMs);
  }

  ready(): void {
    this.#owner.markDirty(this);
  }

  refused(error: KafkaError): void {
    this.refuse(failureOf(error), performance.now());
  }

  // Metadata and refusals.

  /** The brokers can be reached again: what was asked in vain is asked at once. */
  refreshNow(): void {
    if (!this.known && !this.isRefused) this.refresh.now();
    this.refresh.forgetAttempts();
  }

  learn(metadata: TopicMetadata, nowMs: number): void {
    if (!this.#identity.learn(metadata.id, nowMs)) return this.refresh.failed(nowMs);
    this.refresh.succeeded(nowMs);
    this.#refusal.clear();
    this.known = true;
    this.wasKnown = true;
    for (const { id, leader } of metadata.partitions) {
      const lane = this.#lanes[id];
      if (lane !== undefined) lane.learn(metadata.id, leader);
      else this.#lanes[id] = this.#createLane(id, leader);
    }
    for (const lane of this.#lanes.splice(metadata.partitions.length)) this.#retire(lane);
    for (const entry of this.#unrouted.takeAll()) this.#route(entry);
  }

  #createLane(partition: number, leader: number): Lane {
    const lane: Lane = new Lane({
      topic: this,
      producer: this.#owner,
      topicId: this.#identity.id,
      partition,
      leader,
      onDone: (failure) => this.#laneDone(lane, failure),
    });
    return lane;
  }

  /** The brokers refuse the topic: set it aside, answer what waits. */
  refuse(failure: Failure, nowMs: number): void {
    this.refresh.holdUntil(this.#refusal.set(failure, nowMs, this.isConfigured));
    this.known = false;
    this.failWaiting(failure);
  }

  expire(nowMs: number, failure: Failure): void {
    for (const queue of [this.#keyless, this.#unrouted]) {
      const due = queue.takeDue(nowMs);
      if (due.length > 0) this.failed(due, failure);
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
      if (entries.length > 0) this.failed(entries, failure);
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

  /** Queues a record that has a key or a partition of its own. The partition wins over the key's. */
  #route(entry: Entry): void {
    const { key, partition } = entry.record;
    const chosen = partition ?? (key === null ? 0 : this.#partitionOf(key, this.#lanes.length));
    const lane = this.#lanes[chosen];
    if (lane === undefined) {
      // The partition was there when it was checked: the topic was made again with fewer.
      if (partition !== undefined && this.#lanes.length > 0) return this.failed([entry], partitionInvalid);
      return this.#unrouted.push(entry);
    }
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

  /** Says whether a batch may leave now or waits for the linger. */
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
