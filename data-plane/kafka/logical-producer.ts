import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../shared/log.ts';
import type { ClientStatus, KafkaClient, KafkaClientEvents, KafkaError, KafkaRecord } from './kafka-client.ts';
import { Entry } from './entry.ts';
import { HealthGates } from './health-gates.ts';
import type { BatchFailure, Lane } from './lane.ts';
import type { RequestOwner } from './leader-requests.ts';
import { LostRecords } from './lost-records.ts';
import {
  blamesCluster,
  deadlineBeforeWire,
  type Failure,
  failedVerdict,
  failureOf,
  isConnectionFailure,
  loginRefused,
  shuttingDown,
  verdictOf,
  withLimit,
} from './produce-failure.ts';
import { type ProducerMetrics, type QueueFigures, unconfirmedTopic } from './producer-metrics.ts';
import {
  brokersText,
  type ClusterSettings,
  type FailedVerdict,
  type ProducerLimits,
  type Verdict,
} from './producer-types.ts';
import { type NodeMemory, QueueBounds } from './queue-bounds.ts';
import { recordBytes } from './wire/record-batch.ts';
import { Topics } from './topics.ts';
import { WakeTimer } from './wake-timer.ts';

/** Answers leave this much before the deadline, so that they are written by then. */
const answerMarginMs = 2;
const closePollMs = 5;

export interface LogicalProducerOptions {
  readonly label: string;
  readonly cluster: ClusterSettings;
  readonly limits: ProducerLimits;
  readonly memory: NodeMemory;
  readonly logger: Logger;
  readonly metrics: ProducerMetrics;
  readonly createClient: (events: KafkaClientEvents) => KafkaClient;
}

/** The one producer of a cluster's settings: topics, their lanes, bounds and deadlines over one client. */
export class LogicalProducer implements RequestOwner {
  readonly label: string;
  readonly client: KafkaClient;
  readonly requestTimeoutMs: number;
  readonly idempotent: boolean;
  /** Async mode: closed while the cluster is known to fail. */
  readonly gates: HealthGates;
  readonly #options: LogicalProducerOptions;
  readonly #topics: Topics;
  readonly #timer = new WakeTimer(() => this.#tick());
  readonly #lost: LostRecords;
  /** Answers that wait for the limit that they name. */
  readonly #asking = new Set<Promise<void>>();
  readonly #queued: QueueBounds;
  #limits: ProducerLimits;
  #status: ClientStatus = { state: 'connecting', error: null, loginRefused: false };
  #closing: Promise<void> | undefined;
  /** Monotonic. */
  #closeByMs = Infinity;
  #closed = false;

  constructor(options: LogicalProducerOptions) {
    this.#options = options;
    this.label = options.label;
    this.requestTimeoutMs = options.cluster.requestTimeoutMs;
    this.idempotent = options.cluster.idempotent;
    this.#limits = options.limits;
    this.#lost = new LostRecords({ ...options, topicLabel: (topic) => this.#topicLabel(topic) });
    this.#queued = new QueueBounds(options.memory);
    this.#topics = new Topics({
      owner: this,
      partitioner: options.cluster.partitioner,
      logger: options.logger,
      onRefreshFailed: (cause) => {
        // While the first connection is being made nothing has failed yet.
        if (isConnectionFailure(cause) && this.#status.state !== 'connecting') this.gates.failed([]);
      },
    });
    this.client = options.createClient({
      onReady: () => this.#topics.flushAll(),
      onStatus: (status) => this.#onStatus(status),
    });
    this.gates = new HealthGates({
      label: options.label,
      logger: options.logger,
      probe: (partitions, deadlineMs) => this.client.probe(partitions, deadlineMs),
      probeTimeoutMs: options.cluster.requestTimeoutMs,
      onState: (state) => options.metrics.gate(options.label, state),
    });
    // The status says how it goes; the client goes on trying by itself.
    this.client.connect(performance.now() + options.cluster.connectTimeoutMs).catch(() => undefined);
  }

  limits(): ProducerLimits {
    return this.#limits;
  }

  setLimits(limits: ProducerLimits): void {
    this.#limits = limits;
  }

  get status(): ClientStatus {
    return this.#status;
  }

  publish(topic: string, record: KafkaRecord, deadlineMs: number): Promise<Verdict> {
    const bytes = recordBytes(record);
    const nowMs = performance.now();
    const refusal = this.#refuse(topic, bytes, nowMs);
    if (refusal !== null) return Promise.resolve(this.answerRefused(topic, refusal));
    return new Promise((settle) => this.#queue(topic, record, bytes, deadlineMs, nowMs, settle));
  }

  enqueue(topic: string, record: KafkaRecord, deadlineMs: number): Verdict {
    const bytes = recordBytes(record);
    const nowMs = performance.now();
    const refusal = this.#refuse(topic, bytes, nowMs);
    if (refusal !== null) return this.answerRefused(topic, refusal);
    this.#queue(topic, record, bytes, deadlineMs, nowMs, this.#lost.settle);
    return { outcome: 'accepted', topic };
  }

  /** Counts a record that is not taken. */
  answerRefused(topic: string, failure: Failure): FailedVerdict {
    this.#count(topic, failure.outcome, 1);
    return verdictOf(topic, failure);
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
      oldestAgeSeconds,
      gatesClosed: this.gates.closed,
      state: this.status.state,
    };
  }

  /** Takes nothing more, sends what it can until the deadline, answers the rest, closes. A second call may hurry it. */
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
    await Promise.all(this.#asking);
    this.#lost.close();
  }

  // What lanes report.

  acked(entries: readonly Entry[], partition: number, baseOffset: bigint | null): void {
    const first = entries[0];
    if (first === undefined) return;
    const { topic } = first;
    const base = Number(baseOffset ?? 0n);
    let settled = 0;
    for (let index = 0; index < entries.length; index++) {
      const entry = entries[index];
      if (entry === undefined || entry.settle === null) continue;
      settled++;
      this.#settle(
        entry,
        baseOffset === null
          ? { outcome: 'accepted', topic }
          : { outcome: 'acked', topic, partition, offset: `${base + index}` },
      );
    }
    if (settled > 0) this.#count(topic, baseOffset === null ? 'accepted' : 'acked', settled);
  }

  failed(entries: readonly Entry[], failure: Failure): void {
    if (failure.code === 'RECORD_TOO_LARGE') this.#failTooLarge(entries, failure);
    else this.#fail(entries, failure);
  }

  /** The answer names the limit, as far as the brokers tell it before the answer is due. */
  #failTooLarge(entries: readonly Entry[], failure: Failure): void {
    const topic = this.#topics.get(entries[0]?.topic ?? '');
    const limitBytes = topic?.limit.known(performance.now());
    if (topic === undefined || limitBytes !== undefined) {
      return this.#fail(entries, withLimit(failure, limitBytes ?? null));
    }
    const dueMs = Math.min(...entries.map(({ deadlineMs }) => deadlineMs));
    const answered = topic.limit
      .askFor((deadlineMs) => this.client.recordBytesMax(topic.name, deadlineMs), dueMs)
      .then((bytes) => this.#fail(entries, withLimit(failure, bytes)))
      .finally(() => this.#asking.delete(answered));
    this.#asking.add(answered);
  }

  #fail(entries: readonly Entry[], failure: Failure): void {
    const lost: Entry[] = [];
    for (const entry of entries) {
      if (entry.settle === null) continue;
      const verdict = failedVerdict(entry, failure);
      if (entry.settle === this.#lost.settle && blamesCluster(verdict)) lost.push(entry);
      this.#count(entry.topic, verdict.outcome, 1);
      this.#settle(entry, verdict);
    }
    // What is lost at once is one failure, however many records it was.
    if (lost.length > 0) this.gates.failed(lost);
  }

  late(entries: number, acked: boolean): void {
    this.#options.metrics.late(this.label, acked, entries);
  }

  sent(lane: Lane, entries: readonly Entry[]): void {
    let bytes = 0;
    for (const entry of entries) bytes += entry.bytes;
    this.#options.metrics.batch(this.label, lane.topic, entries.length, bytes);
  }

  answered({ lanes, error, tookMs }: { lanes: readonly Lane[]; error: KafkaError | null; tookMs: number }): void {
    this.#options.metrics.produced(this.label, tookMs / 1000);
    if (isConnectionFailure(error)) this.gates.failed(lanes);
  }

  done(lane: Lane, failure: BatchFailure | null): void {
    if (failure === null) this.gates.acked(lane);
    else this.#options.metrics.attemptFailed(this.label, failure.error.kafkaName);
    const topic = this.#topics.get(lane.topic);
    if (topic === undefined) return;
    topic.laneDone(lane, failure);
    if (failure?.refresh === true) {
      topic.refreshSoon(performance.now());
      this.wakeAt(topic.refreshAtMs);
    }
    this.#topics.markDirty(topic);
  }

  ready(lane: Lane): void {
    const topic = this.#topics.get(lane.topic);
    if (topic !== undefined) this.#topics.markDirty(topic);
  }

  refused(lane: Lane, error: KafkaError): void {
    this.#topics.get(lane.topic)?.refuse(failureOf(error), performance.now());
  }

  wakeAt(monotonicMs: number): void {
    if (!this.#closed) this.#timer.at(monotonicMs);
  }

  #refuse(name: string, bytes: number, nowMs: number): Failure | null {
    if (this.#closing !== undefined) return shuttingDown;
    if (this.#status.loginRefused) return loginRefused;
    return this.#queued.refusal(this.#limits, bytes) ?? this.#topics.get(name)?.refusal(nowMs) ?? null;
  }

  #queue(
    name: string,
    record: KafkaRecord,
    bytes: number,
    deadlineMs: number,
    nowMs: number,
    settle: (verdict: Verdict, entry: Entry) => void,
  ): void {
    const topic = this.#topics.obtain(name);
    const entry = new Entry({
      topic: name,
      record,
      bytes,
      deadlineMs: deadlineMs - answerMarginMs,
      queuedAtMs: nowMs,
      settle,
    });
    this.#queued.add(bytes);
    topic.add(entry);
    this.#timer.at(entry.deadlineMs);
    this.#topics.markDirty(topic);
  }

  #settle(entry: Entry, verdict: Verdict): void {
    const { settle } = entry;
    if (settle === null) return;
    entry.settle = null;
    this.#queued.remove(entry.bytes);
    settle(verdict, entry);
  }

  #count(topic: string, outcome: Verdict['outcome'], count: number): void {
    this.#options.metrics.records(this.label, this.#topicLabel(topic), outcome, count);
  }

  #topicLabel(topic: string): string {
    return this.#topics.get(topic)?.known === true ? topic : unconfirmedTopic;
  }

  #tick(): void {
    const earliestMs = this.#topics.expire(performance.now(), this.#waitFailure());
    if (earliestMs !== Infinity) this.#timer.at(earliestMs);
  }

  /** Why records that wait are dropped at their deadline. */
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
