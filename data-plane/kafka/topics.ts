import { LRUCache } from 'lru-cache';
import { CountedLeases } from '../../shared/counted-leases.ts';
import type { Logger } from '../../shared/log.ts';
import { pacedLog } from '../../shared/paced-log.ts';
import type { TopicMetadata } from './kafka-client.ts';
import { KafkaError } from './kafka-error.ts';
import { type Failure, failureOf, isTopicRefusal } from './produce-failure.ts';
import { TopicLookups } from './topic-lookups.ts';
import type { TopicOwner } from './topic-owner.ts';
import { TopicState } from './topic-state.ts';

/** Topics with a state. Names come from requests: beyond this many, those without records are forgotten. */
const topicsMax = 5_000;
/** Names from requests that the brokers refused and that are remembered. */
const refusedNamesMax = 10_000;
/** A name from requests that the brokers refused is not asked for again for this long. */
export const refusedNameMs = 5_000;

export interface TopicsOptions {
  readonly owner: TopicOwner<TopicState>;
  readonly partitioner: 'murmur2' | 'crc32';
  readonly logger: Logger;
  /** The metadata of a topic could not be had, or the brokers refuse the topic. */
  readonly onRefreshFailed: (cause: KafkaError) => void;
}

interface Refusal {
  readonly failure: Failure;
  /** Monotonic. */
  readonly untilMs: number;
}

/** The topics of one producer: when they send, and when their metadata is fetched. */
export class Topics {
  readonly #options: TopicsOptions;
  readonly #topics = new Map<string, TopicState>();
  /** Topics that a configuration names, for as long as it does. */
  readonly #configured = new CountedLeases<string, TopicState>((topic) => (topic.isConfigured = false));
  /** Names from requests that the brokers refused. */
  readonly #refusedNames = new LRUCache<string, Refusal>({ max: refusedNamesMax });
  /** Topics with something to send, or to ask. */
  readonly #dirty = new Set<TopicState>();
  readonly #lookups: TopicLookups;
  readonly #logNamed: ReturnType<typeof pacedLog>;
  #flush: NodeJS.Immediate | undefined;
  #stopped = false;

  constructor(options: TopicsOptions) {
    const { owner, logger } = options;
    this.#options = options;
    this.#lookups = new TopicLookups({ owner, onAnswer: (topic, answer) => this.#answered(topic, answer) });
    this.#logNamed = pacedLog((event, message, fields) => logger.warn(event, message, fields));
  }

  get(name: string): TopicState | undefined {
    return this.#topics.get(name);
  }

  [Symbol.iterator](): Iterator<TopicState> {
    return this.#topics.values();
  }

  /** The topics that a configuration names. */
  configured(): Iterable<TopicState> {
    return this.#configured.values();
  }

  /** Takes a topic that a configuration names, and asks for its metadata at once. @returns what gives it back */
  configure(name: string): () => void {
    const { value: topic, release } = this.#configured.acquire(
      name,
      () => this.#topics.get(name) ?? this.#create(name),
    );
    topic.isConfigured = true;
    if (topic.wantsMetadata) this.markDirty(topic);
    return release;
  }

  /** Returns the topic of this name, new where there is none, or why records of it are answered at once. */
  obtain(name: string, nowMs: number): TopicState | Failure {
    const topic = this.#topics.get(name);
    if (topic !== undefined) return topic.refusal(nowMs) ?? topic;
    const refused = this.#refusedNames.get(name);
    if (refused !== undefined && nowMs < refused.untilMs) return refused.failure;
    return this.#create(name);
  }

  /** Asks again how many partitions a topic has. Never rejects. */
  recount(topic: TopicState, deadlineMs: number): Promise<void> {
    return topic.recount.run(async (untilMs) => {
      const answers = await this.#options.owner.client.metadata([topic.name], untilMs);
      const answer = answers.get(topic.name);
      if (answer !== undefined) this.#answered(topic, answer);
    }, deadlineMs);
  }

  /** Batches leave once a turn of the event loop, so that everything the sockets bring in that turn goes together. */
  markDirty(topic: TopicState): void {
    if (this.#stopped) return;
    this.#dirty.add(topic);
    this.#flush ??= setImmediate(() => {
      this.#flush = undefined;
      this.#flushDirty();
    });
  }

  flushAll(): void {
    for (const topic of this.#topics.values()) if (topic.hasWaiting || topic.wantsMetadata) this.markDirty(topic);
  }

  /** Answers records that are due, and sends what can be sent. @returns the next deadline (monotonic ms), or Infinity */
  expire(nowMs: number, failure: Failure): number {
    let earliestMs = Infinity;
    for (const topic of this.#topics.values()) {
      if (topic.earliestDeadlineMs() <= nowMs) topic.expire(nowMs, failure);
      earliestMs = Math.min(earliestMs, topic.earliestDeadlineMs());
    }
    this.flushAll();
    return earliestMs;
  }

  /** Ends all sending. */
  stop(): void {
    this.#stopped = true;
    clearImmediate(this.#flush);
  }

  #create(name: string): TopicState {
    if (this.#topics.size >= topicsMax) this.#forgetIdle();
    const topic = new TopicState(name, this.#options.owner, this.#options.partitioner);
    this.#topics.set(name, topic);
    return topic;
  }

  #forgetIdle(): void {
    for (const [name, topic] of this.#topics) {
      if (topic.isIdle && !topic.refresh.isRunning && !topic.isConfigured) this.#topics.delete(name);
      if (this.#topics.size < topicsMax) break;
    }
  }

  #flushDirty(): void {
    const nowMs = performance.now();
    for (const topic of this.#dirty) {
      this.#dirty.delete(topic);
      if (!topic.canSend || topic.refresh.atMs <= nowMs) this.#lookUp(topic, nowMs);
      if (!topic.canSend || !topic.flush(nowMs)) continue;
      // A leader cannot be reached: another may have been elected.
      topic.refresh.soon(nowMs);
      this.#options.owner.wakeAt(topic.refresh.atMs);
    }
    this.#lookups.send();
  }

  #lookUp(topic: TopicState, nowMs: number): void {
    if (topic.refresh.isDue(nowMs)) this.#lookups.add(topic);
    else if (!topic.refresh.isRunning) this.#options.owner.wakeAt(topic.refresh.atMs);
  }

  #answered(topic: TopicState, answer: TopicMetadata | KafkaError): void {
    const nowMs = performance.now();
    if (!(answer instanceof KafkaError)) this.#learned(topic, answer, nowMs);
    else if (isTopicRefusal(answer)) this.#refused(topic, failureOf(answer), nowMs);
    else topic.refresh.failed(nowMs);
    // Without waiting records a failed look-up has cost nobody anything yet.
    if (answer instanceof KafkaError && topic.hasWaiting) this.#options.onRefreshFailed(answer);
    if (topic.hasWaiting || topic.wantsMetadata) this.markDirty(topic);
  }

  #learned(topic: TopicState, metadata: TopicMetadata, nowMs: number): void {
    const wasRefused = topic.isRefused;
    topic.learn(metadata, nowMs);
    if (!wasRefused || !topic.known || !topic.isConfigured) return;
    const fields = { cluster: this.#options.owner.label, topic: topic.name };
    this.#options.logger.info('kafka_topic_found', `Kafka topic ${topic.name} can be used`, fields);
  }

  #refused(topic: TopicState, failure: Failure, nowMs: number): void {
    const { owner, logger } = this.#options;
    const isNews = !topic.isRefused;
    topic.refuse(failure, nowMs);
    const message = `Kafka topic ${topic.name} cannot be used: ${failure.message}`;
    const fields = { cluster: owner.label, topic: topic.name, code: failure.code };
    if (!topic.isConfigured) {
      this.#logNamed('kafka_topic_refused', message, fields);
      this.#rememberRefused(topic, failure, nowMs);
    } else if (isNews) {
      logger.warn('kafka_topic_refused', message, fields);
    }
  }

  /** A name that was never a topic costs no more than its name. */
  #rememberRefused(topic: TopicState, failure: Failure, nowMs: number): void {
    if (topic.wasKnown || !topic.isIdle) return;
    this.#topics.delete(topic.name);
    this.#dirty.delete(topic);
    this.#refusedNames.set(topic.name, { failure, untilMs: nowMs + refusedNameMs });
  }
}
