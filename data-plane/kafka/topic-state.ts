import type { Destination } from '../../shared/destination.ts';
import type { KafkaRecord, TopicMetadata } from './kafka-client.ts';
import type { KafkaError } from './kafka-error.ts';
import type { Entry, EntryQueue } from './entry.ts';
import { Lane } from './lane.ts';
import type { BatchFailure } from './lane-owner.ts';
import { LeaderRequests, type RequestTopic } from './leader-requests.ts';
import { crc32Partition, murmur2Partition } from './partition-choice.ts';
import { type Failure, failureOf, partitionInvalid, predecessorFailed } from './produce-failure.ts';
import { TopicIdentity } from './topic-identity.ts';
import { otherTopics } from './topic-labels.ts';
import type { TopicOwner } from './topic-owner.ts';
import { PartitionRecount } from './partition-recount.ts';
import { TopicLanes } from './topic-lanes.ts';
import { TopicLimit } from './topic-limit.ts';
import { TopicRefresh } from './topic-refresh.ts';
import { TopicRefusal } from './topic-refusal.ts';
import { UnassignedRecords } from './unassigned-records.ts';

/** One topic of one producer, with its lanes. Nothing in here is shared with another topic. */
export class TopicState implements RequestTopic {
  readonly name: string;
  readonly #owner: TopicOwner<TopicState>;
  readonly #partitionOf: (key: Buffer, partitions: number) => number;
  readonly #requests: LeaderRequests;
  /** Lanes with keyed or refused records to send. */
  readonly #lanesWithWork = new Set<Lane>();
  readonly #unassigned = new UnassignedRecords();
  readonly #lanes = new TopicLanes();
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

  constructor(name: string, owner: TopicOwner<TopicState>, partitioner: 'murmur2' | 'crc32') {
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
    return this.#lanes.count;
  }

  /** Returns the partition that a record names or its key leads to; null where any may take it or their number is not known. */
  partitionOf({ key, partition }: Pick<KafkaRecord, 'key' | 'partition'>): number | null {
    if (partition !== undefined) return partition;
    return key === null || !this.known || this.partitions === 0 ? null : this.#partitionOf(key, this.partitions);
  }

  /** Returns the reason for answering records of this topic at once; null when they may be queued. */
  refusal(nowMs: number): Failure | null {
    return this.#refusal.at(nowMs);
  }

  add(entry: Entry): void {
    const { key, partition } = entry.record;
    if (key === null && partition === undefined) {
      this.#unassigned.keyless.push(entry);
    } else if (!this.known) {
      this.#unassigned.unrouted.push(entry);
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
    const { keyless } = this.#unassigned;
    while (keyless.length > 0 && this.#mayLeave(keyless, nowMs)) {
      const lane = this.#lanes.nextInTurn(this.#isFree, nowMs);
      if (lane === null) {
        stuck ||= !this.#lanes.some((each) => this.#leaderReady(each));
        break;
      }
      if (this.#requests.add(lane, keyless, this.#identity.id, nowMs)) continue;
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
    if (this.#lanes.endRetired(lane)) this.#reroute(lane);
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
      const lane = this.#lanes.of(id);
      if (lane !== undefined) lane.learn(metadata.id, leader);
      else this.#lanes.add(this.#createLane(id, leader));
    }
    for (const lane of this.#lanes.cut(metadata.partitions.length)) this.#retire(lane);
    for (const entry of this.#unassigned.unrouted.takeAll()) this.#route(entry);
  }

  #createLane(partition: number, leader: number): Lane {
    const topicId = this.#identity.id;
    const onDone = (failure: BatchFailure | null): void => this.#laneDone(lane, failure);
    const lane: Lane = new Lane({ topic: this, producer: this.#owner, topicId, partition, leader, onDone });
    return lane;
  }

  /** The brokers refuse the topic: set it aside, answer what waits. */
  refuse(failure: Failure, nowMs: number): void {
    this.refresh.holdUntil(this.#refusal.set(failure, nowMs, this.isConfigured));
    this.known = false;
    this.failWaiting(failure);
  }

  expire(nowMs: number, failure: Failure): void {
    this.#unassigned.expire(nowMs, (due) => this.failed(due, failure));
    this.#lanes.expire(nowMs);
  }

  earliestDeadlineMs(): number {
    return Math.min(this.#unassigned.earliestDeadlineMs, this.#lanes.earliestDeadlineMs);
  }

  failWaiting(failure: Failure): void {
    this.#unassigned.takeAll((entries) => this.failed(entries, failure));
    this.#lanes.failWaiting(failure);
    this.#lanesWithWork.clear();
  }

  abandon(failure: Failure): void {
    this.#lanes.abandon(failure);
  }

  get hasWaiting(): boolean {
    return this.#lanesWithWork.size > 0 || !this.#unassigned.isEmpty;
  }

  get isIdle(): boolean {
    return !this.hasWaiting && !this.#lanes.isBusy;
  }

  get oldestQueuedAtMs(): number {
    let oldest = this.#unassigned.oldestQueuedAtMs;
    for (const lane of this.#lanesWithWork) oldest = Math.min(oldest, lane.oldestQueuedAtMs);
    return oldest;
  }

  /** Queues a record that has a key or a partition of its own. The partition wins over the key's. */
  #route(entry: Entry): void {
    const { key, partition } = entry.record;
    const chosen = partition ?? (key === null ? 0 : this.#partitionOf(key, this.#lanes.count));
    const lane = this.#lanes.of(chosen);
    if (lane === undefined) {
      // The partition was there when it was checked: the topic was made again with fewer.
      if (partition !== undefined && this.#lanes.count > 0) return this.failed([entry], partitionInvalid);
      return this.#unassigned.unrouted.push(entry);
    }
    entry.partition = chosen;
    lane.queue.push(entry);
    this.#lanesWithWork.add(lane);
  }

  /** Says whether the lane's slot is free and its leader can take a batch now. */
  readonly #isFree = (lane: Lane, nowMs: number): boolean =>
    lane.isIdle(nowMs) && this.#requests.hasRoom(lane.leader) && this.#leaderReady(lane);

  #leaderReady(lane: Lane): boolean {
    return lane.leader >= 0 && this.#owner.client.isReady(lane.leader);
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
    if (lane.isBusy) this.#lanes.keepRetired(lane);
    else this.#reroute(lane);
  }

  /** The partition is gone: its records go where they belong now. */
  #reroute(lane: Lane): void {
    for (const entry of lane.takeWaiting()) {
      if (entry.prefix?.isBroken(lane.partition) === true) this.failed([entry], predecessorFailed);
      else {
        entry.partition = -1;
        this.add(entry);
      }
    }
  }
}
