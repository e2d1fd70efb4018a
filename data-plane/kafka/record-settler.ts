import type { Logger } from '../../shared/log.ts';
import type { Entry } from './entry.ts';
import type { HealthGates } from './health-gates.ts';
import type { TopicLimits } from './kafka-client.ts';
import { LostRecords } from './lost-records.ts';
import { blamesCluster, type Failure, failedVerdict, verdictOf, withLimit } from './produce-failure.ts';
import type { ProducerMetrics } from './producer-metrics.ts';
import type { FailedVerdict, Verdict } from './producer-types.ts';
import type { QueueBounds } from './queue-bounds.ts';
import type { TopicLimit } from './topic-limit.ts';

/** The topic of records that are settled. */
export interface SettledTopic {
  readonly name: string;
  /** Its name among the labels of metrics. */
  readonly label: string;
  readonly limit: TopicLimit;
}

export interface RecordSettlerOptions {
  /** Returns the cluster's name. */
  readonly label: () => string;
  readonly logger: Logger;
  readonly metrics: ProducerMetrics;
  readonly queued: QueueBounds;
  readonly gates: HealthGates;
  /** Asks the brokers for a topic's limits of a record. */
  readonly askLimits: (topic: string, deadlineMs: number) => Promise<TopicLimits>;
}

/** Gives records their verdicts: each once. Counts them, and takes them out of the queue's bounds. */
export class RecordSettler {
  readonly #options: RecordSettlerOptions;
  readonly #lost: LostRecords;
  /** Answers that wait for the limit that they name. */
  readonly #asking = new Set<Promise<void>>();

  constructor(options: RecordSettlerOptions) {
    this.#options = options;
    this.#lost = new LostRecords(options);
  }

  /** Settles records of async mode. */
  get settleAsync(): (verdict: Verdict, entry: Entry) => void {
    return this.#lost.settle;
  }

  acked(topic: SettledTopic, entries: readonly Entry[], partition: number, baseOffset: bigint | null): void {
    const base = Number(baseOffset ?? 0n);
    let settled = 0;
    for (let index = 0; index < entries.length; index++) {
      const entry = entries[index];
      if (entry === undefined || entry.settle === null) continue;
      settled++;
      this.#settle(
        entry,
        baseOffset === null
          ? { outcome: 'accepted', topic: topic.name }
          : { outcome: 'acked', topic: topic.name, partition, offset: `${base + index}` },
      );
    }
    if (settled > 0) this.#count(topic.label, baseOffset === null ? 'accepted' : 'acked', settled);
  }

  failed(topic: SettledTopic, entries: readonly Entry[], failure: Failure): void {
    // At once: the lane goes on with its next batch while the limit of one that is too large is asked for.
    for (const { prefix, partition } of entries) prefix?.break(partition);
    if (failure.code === 'RECORD_TOO_LARGE') this.#failTooLarge(topic, entries, failure);
    else this.#fail(topic, entries, failure);
  }

  /** Counts records that are not taken. */
  refused(topic: string, label: string, failure: Failure, count = 1): FailedVerdict {
    this.#count(label, failure.outcome, count);
    return verdictOf(topic, failure);
  }

  /** Logs what was lost and not logged yet, after the last answer. */
  async close(): Promise<void> {
    await Promise.all(this.#asking);
    this.#lost.close();
  }

  /** The answer names the limit, as far as the brokers tell it before the answer is due. */
  #failTooLarge(topic: SettledTopic, entries: readonly Entry[], failure: Failure): void {
    const known = topic.limit.known(performance.now());
    if (known !== undefined) return this.#fail(topic, entries, withLimit(failure, known.recordBytesMax));
    const dueMs = Math.min(...entries.map(({ deadlineMs }) => deadlineMs));
    const answered = topic.limit
      .askFor((deadlineMs) => this.#options.askLimits(topic.name, deadlineMs), dueMs)
      .then(({ recordBytesMax }) => this.#fail(topic, entries, withLimit(failure, recordBytesMax)))
      .finally(() => this.#asking.delete(answered));
    this.#asking.add(answered);
  }

  #fail(topic: SettledTopic, entries: readonly Entry[], failure: Failure): void {
    const { label, metrics, gates } = this.#options;
    const lost: Entry[] = [];
    let lostAsync = 0;
    for (const entry of entries) {
      if (entry.settle === null) continue;
      const verdict = failedVerdict(topic.name, entry, failure);
      if (entry.settle === this.#lost.settle) {
        lostAsync++;
        if (blamesCluster(verdict)) lost.push(entry);
      }
      this.#count(topic.label, verdict.outcome, 1);
      this.#settle(entry, verdict);
    }
    if (lostAsync > 0) metrics.lost(label(), topic.label, lostAsync);
    // Records that are lost together are one failure of the cluster.
    if (lost.length > 0) gates.failed(lost.map(({ partition }) => ({ topic: topic.name, partition })));
  }

  #settle(entry: Entry, verdict: Verdict): void {
    const { settle } = entry;
    if (settle === null) return;
    entry.settle = null;
    this.#options.queued.remove(entry.bytes);
    settle(verdict, entry);
  }

  #count(topicLabel: string, outcome: Verdict['outcome'], count: number): void {
    this.#options.metrics.records(this.#options.label(), topicLabel, outcome, count);
  }
}
