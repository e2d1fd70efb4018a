import { setTimeout as delay } from 'node:timers/promises';
import type { Destination } from '../../shared/destination.ts';
import type { Outcome } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { ClientStatus, KafkaClient, KafkaClientEvents, KafkaRecord } from './kafka-client.ts';
import type { KafkaError } from './kafka-error.ts';
import { Entry } from './entry.ts';
import { HealthGates } from './health-gates.ts';
import {
  deadlineBeforeWire,
  type Failure,
  isConnectionFailure,
  loginRefused,
  nodeOverloaded,
  shuttingDown,
  verdictOf,
} from './produce-failure.ts';
import type { ProducerMetrics, QueueFigures } from './producer-metrics.ts';
import {
  brokersText,
  type ClusterSettings,
  type FailedVerdict,
  type GroupRecord,
  type ProducerLimits,
  type RecordPlace,
  type Verdict,
} from './producer-types.ts';
import { type NodeMemory, QueueBounds } from './queue-bounds.ts';
import { checkGroup, type RecordFault } from './check-group.ts';
import { checkPlace, type PlaceQuestions } from './check-place.ts';
import { GroupPublisher } from './group-publisher.ts';
import { RecordSettler } from './record-settler.ts';
import { otherTopics, type TopicLabels } from './topic-labels.ts';
import type { TopicOwner } from './topic-owner.ts';
import { TopicState } from './topic-state.ts';
import { Topics } from './topics.ts';
import { WakeTimer } from './wake-timer.ts';
import { recordBytes } from './wire/record-batch.ts';

/** Answers leave this much before the deadline, so that they are written by then. */
const answerMarginMs = 2;
const closePollMs = 5;

export interface LogicalProducerOptions {
  /** Returns the cluster's name, which depends on the whole configuration. */
  readonly label: () => string;
  readonly cluster: ClusterSettings;
  readonly limits: ProducerLimits;
  readonly memory: NodeMemory;
  readonly logger: Logger;
  readonly metrics: ProducerMetrics;
  readonly topicLabels: TopicLabels;
  readonly createClient: (events: KafkaClientEvents) => KafkaClient;
}

/** The one producer of a cluster's settings: topics with their lanes, bounds and deadlines over one client. */
export class LogicalProducer implements TopicOwner<TopicState> {
  readonly client: KafkaClient;
  readonly requestTimeoutMs: number;
  readonly idempotent: boolean;
  /** Async mode: closed while the cluster is known to fail. */
  readonly gates: HealthGates;
  readonly #options: LogicalProducerOptions;
  readonly #topics: Topics;
  readonly #timer = new WakeTimer(() => this.#tick());
  readonly #settler: RecordSettler;
  readonly #queued: QueueBounds;
  /** Takes the records of whole requests. */
  readonly group: GroupPublisher;
  #limits: ProducerLimits;
  #status: ClientStatus = { state: 'connecting', error: null, loginRefused: false };
  #closing: Promise<void> | undefined;
  /** Monotonic. */
  #closeByMs = Infinity;
  #closed = false;

  constructor(options: LogicalProducerOptions) {
    const { label, cluster, logger, metrics } = options;
    this.#options = options;
    this.requestTimeoutMs = cluster.requestTimeoutMs;
    this.idempotent = cluster.idempotent;
    this.#limits = options.limits;
    this.#queued = new QueueBounds(options.memory);
    this.#topics = new Topics({
      owner: this,
      partitioner: cluster.partitioner,
      logger,
      onRefreshFailed: (cause) => {
        // While the first connection is being made nothing has failed yet.
        if (isConnectionFailure(cause) && this.#status.state !== 'connecting') this.gates.failed([]);
      },
    });
    this.gates = new HealthGates({
      label,
      logger,
      probe: (partitions, deadlineMs) => this.client.probe(partitions, deadlineMs),
      probeTimeoutMs: cluster.requestTimeoutMs,
      onState: (state) => metrics.gate(label(), state),
    });
    this.#settler = new RecordSettler({
      label,
      logger,
      metrics,
      queued: this.#queued,
      gates: this.gates,
      askLimits: (topic, deadlineMs) => this.client.topicLimits(topic, deadlineMs),
    });
    this.group = new GroupPublisher({
      topics: this.#topics,
      queued: this.#queued,
      settler: this.#settler,
      limits: () => this.#limits,
      more: async (bytes) => (await options.memory.more?.(bytes)) === true,
      refusal: () => this.#refusal(),
      isClosed: () => this.#closed,
      labelOf: (topic) => this.#labelOf(topic),
      answerMarginMs,
      wakeAt: (monotonicMs) => this.wakeAt(monotonicMs),
    });
    this.client = options.createClient({
      onReady: () => this.#topics.flushAll(),
      onStatus: (status) => this.#onStatus(status),
    });
    // The status says how it goes; the client goes on trying by itself.
    this.client.connect(performance.now() + cluster.connectTimeoutMs).catch(() => undefined);
  }

  limits(): ProducerLimits {
    return this.#limits;
  }

  setLimits(limits: ProducerLimits): void {
    this.#limits = limits;
  }

  get label(): string {
    return this.#options.label();
  }

  get status(): ClientStatus {
    return this.#status;
  }

  /** Takes a topic that a configuration names, and looks whether it can be used. @returns what gives it back */
  configureTopic(name: string): () => void {
    return this.#topics.configure(name);
  }

  /** The cluster, and the configured topics while it can be reached. */
  destinations(): readonly Destination[] {
    const { label } = this;
    const { state, error } = this.#status;
    if (state === 'connecting') return [{ kind: 'cluster', name: label, state: 'untested', error: null }];
    if (state === 'failing') return [{ kind: 'cluster', name: label, state: 'unreachable', error }];
    const topics = Array.from(this.#topics.configured(), (topic): Destination => ({
      kind: 'topic',
      name: `${label}/${topic.name}`,
      ...topic.reach,
    }));
    return [{ kind: 'cluster', name: label, state: 'reachable', error: null }, ...topics];
  }

  publish(topic: string, record: KafkaRecord, deadlineMs: number): Promise<Verdict> {
    const bytes = recordBytes(record);
    const nowMs = performance.now();
    const state = this.#admit(topic, bytes, nowMs);
    if (!(state instanceof TopicState)) return this.#refusedOrLater(topic, record, deadlineMs, state);
    return new Promise((settle) => this.#queue(state, record, bytes, deadlineMs, nowMs, settle));
  }

  /** Refuses the record, but for memory that other processes of the node may give back first. */
  async #refusedOrLater(topic: string, record: KafkaRecord, deadlineMs: number, failure: Failure): Promise<Verdict> {
    const { memory } = this.#options;
    const bytes = recordBytes(record);
    let state: TopicState | Failure = failure;
    // What was made room for, another record may have taken.
    while (state === nodeOverloaded && performance.now() < deadlineMs && (await memory.more?.(bytes)) === true) {
      state = this.#admit(topic, bytes, performance.now());
    }
    if (!(state instanceof TopicState)) return this.answerRefused(topic, state);
    return new Promise((settle) => this.#queue(state, record, bytes, deadlineMs, performance.now(), settle));
  }

  enqueue(topic: string, record: KafkaRecord, deadlineMs: number): Verdict {
    const bytes = recordBytes(record);
    const nowMs = performance.now();
    const state = this.#admit(topic, bytes, nowMs);
    if (!(state instanceof TopicState)) return this.answerRefused(topic, state);
    this.#queue(state, record, bytes, deadlineMs, nowMs, this.#settler.settleAsync);
    return { outcome: 'accepted', topic };
  }

  /** Checks the partition and timestamp that a request chose; see `ProducerLease`. */
  async checkPlace(name: string, place: RecordPlace, deadlineMs: number): Promise<FailedVerdict | null> {
    const topic = this.#topics.obtain(name, performance.now());
    // A topic that is refused says so when the record is published.
    if (!(topic instanceof TopicState)) return null;
    const failure = await checkPlace(topic, place, deadlineMs - answerMarginMs, this.#questions);
    return failure === null ? null : verdictOf(name, failure);
  }

  /** Returns the partition of a record as far as it is certain; see `ProducerLease`. */
  partitionOf(topic: string, record: KafkaRecord): number | null {
    return this.#topics.get(topic)?.partitionOf(record) ?? null;
  }

  /** Checks the records of one request; see `ProducerLease`. */
  checkAll(records: readonly GroupRecord[], deadlineMs: number): Promise<readonly RecordFault[]> {
    const topicOf = (name: string): TopicState | null => {
      const topic = this.#topics.obtain(name, performance.now());
      return topic instanceof TopicState ? topic : null;
    };
    const { compression } = this.#options.cluster;
    const bounds = { batchBytesMax: this.#limits.batchBytesMax, isCompressed: compression !== 'none' };
    return checkGroup(records, topicOf, bounds, deadlineMs - answerMarginMs, this.#questions);
  }

  readonly #questions: PlaceQuestions = {
    recount: (topic, untilMs) => this.#topics.recount(topic, untilMs),
    askLimits: (topic, untilMs) => this.client.topicLimits(topic, untilMs),
  };

  /** Counts records that are not taken, and returns their verdict. */
  answerRefused(topic: string, failure: Failure, count = 1): FailedVerdict {
    return this.#settler.refused(topic, this.#labelOf(topic), failure, count);
  }

  /** Counts records that were refused before they were published. */
  countRefused(topic: string, outcome: Outcome, count = 1): void {
    this.#options.metrics.records(this.label, this.#labelOf(topic), outcome, count);
  }

  #labelOf(topic: string): string {
    return this.#topics.get(topic)?.label ?? otherTopics;
  }

  figures(): QueueFigures {
    let oldestMs = Infinity;
    for (const topic of this.#topics) oldestMs = Math.min(oldestMs, topic.oldestQueuedAtMs);
    const oldestAgeSeconds = oldestMs === Infinity ? 0 : (performance.now() - oldestMs) / 1000;
    const { records, bytes } = this.#queued;
    return {
      label: this.label,
      records,
      bytes,
      recordsMax: this.#limits.queueRecordsMax,
      bytesMax: this.#limits.queueBytesMax,
      oldestAgeSeconds,
      gatesClosed: this.gates.closed,
      state: this.status.state,
    };
  }

  /** Accepts no more records, sends until the deadline, answers the rest, then closes. A second call may set an earlier deadline. */
  close(deadlineMs: number): Promise<void> {
    this.#closeByMs = Math.min(this.#closeByMs, deadlineMs);
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#topics.flushAll();
    while (this.#queued.records > 0 && performance.now() < this.#closeByMs) {
      await delay(Math.max(1, Math.min(closePollMs, this.#closeByMs - performance.now())));
    }
    for (const topic of this.#topics) {
      topic.failWaiting(shuttingDown);
      topic.abandon(shuttingDown);
    }
    this.#closed = true;
    this.gates.close();
    this.#timer.clear();
    this.#topics.stop();
    await this.client.close();
    await this.#settler.close();
  }

  // Reports and questions of topics.

  labelOf(topic: string): string {
    return this.#options.topicLabels.ofNamed(this.label, topic);
  }

  acked(topic: TopicState, entries: readonly Entry[], partition: number, baseOffset: bigint | null): void {
    this.#settler.acked(topic, entries, partition, baseOffset);
    this.gates.acked(topic.name, partition);
  }

  failed(topic: TopicState, entries: readonly Entry[], failure: Failure): void {
    this.#settler.failed(topic, entries, failure);
  }

  late(entries: number, acked: boolean): void {
    this.#options.metrics.late(this.label, acked, entries);
  }

  sent(topic: TopicState, entries: readonly Entry[]): void {
    let bytes = 0;
    for (const entry of entries) bytes += entry.bytes;
    this.#options.metrics.batch(this.label, topic.label, entries.length, bytes);
  }

  answered(topic: TopicState, partitions: () => readonly number[], error: KafkaError | null, tookMs: number): void {
    this.#options.metrics.produced(this.label, tookMs / 1000);
    if (!isConnectionFailure(error)) return;
    this.gates.failed(partitions().map((partition) => ({ topic: topic.name, partition })));
  }

  attemptFailed({ kafkaName }: KafkaError): void {
    this.#options.metrics.attemptFailed(this.label, kafkaName);
  }

  markDirty(topic: TopicState): void {
    this.#topics.markDirty(topic);
  }

  wakeAt(monotonicMs: number): void {
    if (!this.#closed) this.#timer.at(monotonicMs);
  }

  /** The topic that takes a record of so many bytes, or why none does. */
  #admit(topic: string, bytes: number, nowMs: number): TopicState | Failure {
    return this.#refusal() ?? this.#queued.refusal(this.#limits, bytes) ?? this.#topics.obtain(topic, nowMs);
  }

  /** Returns why no record is taken at all. */
  #refusal(): Failure | null {
    if (this.#closing !== undefined) return shuttingDown;
    return this.#status.loginRefused ? loginRefused : null;
  }

  #queue(
    topic: TopicState,
    record: KafkaRecord,
    bytes: number,
    deadlineMs: number,
    queuedAtMs: number,
    settle: (verdict: Verdict, entry: Entry) => void,
  ): void {
    const entry = new Entry({ record, bytes, deadlineMs: deadlineMs - answerMarginMs, queuedAtMs, settle });
    this.#queued.add(bytes);
    topic.add(entry);
    this.#timer.at(entry.deadlineMs);
    this.#topics.markDirty(topic);
  }

  #tick(): void {
    const earliestMs = this.#topics.expire(performance.now(), this.#waitFailure());
    if (earliestMs !== Infinity) this.#timer.at(earliestMs);
  }

  /** Returns the reason for dropping waiting records at their deadline. */
  #waitFailure(): Failure {
    const { state } = this.#status;
    if (state === 'connected') return deadlineBeforeWire;
    return {
      ...deadlineBeforeWire,
      message: 'The brokers cannot be reached; the record was dropped.',
      kafkaName: 'CONNECTION_FAILED',
    };
  }

  #onStatus(status: ClientStatus): void {
    const before = this.#status;
    this.#status = status;
    const { logger, cluster } = this.#options;
    const fields = { cluster: this.label, brokers: brokersText(cluster) };
    if (status.state === 'connected' && before.state !== 'connected') {
      logger.info('kafka_connected', `Kafka cluster ${this.label} is connected`, fields);
    } else if (
      status.state === 'failing' &&
      (before.state !== 'failing' || status.loginRefused !== before.loginRefused)
    ) {
      logger.warn('kafka_failing', `Kafka cluster ${this.label} cannot be reached: ${status.error ?? ''}`, fields);
    }
    if (status.state === 'failing') this.gates.failed([]);
    if (status.loginRefused) for (const topic of this.#topics) topic.failWaiting(loginRefused);
    if (status.state !== 'connected') return;
    for (const topic of this.#topics) topic.refreshNow();
    this.#topics.flushAll();
  }
}
