import type { Logger } from '../../shared/log.ts';
import { type Failure, failureOf, isTopicRefusal } from './produce-failure.ts';
import { type TopicOwner, TopicState } from './topic-state.ts';

/** Names of topics can come from requests: beyond this many, those without records are forgotten. */
const topicsMax = 5000;

export interface TopicsOptions {
  readonly owner: TopicOwner;
  readonly partitioner: 'murmur2' | 'crc32';
  readonly logger: Logger;
  /** A topic's metadata could not be had, or the brokers refuse the topic. */
  readonly onRefreshFailed: (cause: unknown) => void;
}

/** The topics of one producer: when they send, and when their metadata is fetched. */
export class Topics {
  readonly #options: TopicsOptions;
  readonly #topics = new Map<string, TopicState>();
  /** With something to send, or to ask. */
  readonly #dirty = new Set<TopicState>();
  #flush: NodeJS.Immediate | undefined;
  #stopped = false;

  constructor(options: TopicsOptions) {
    this.#options = options;
  }

  get(name: string): TopicState | undefined {
    return this.#topics.get(name);
  }

  [Symbol.iterator](): Iterator<TopicState> {
    return this.#topics.values();
  }

  /** The topic of this name, new where there is none. */
  obtain(name: string): TopicState {
    let topic = this.#topics.get(name);
    if (topic !== undefined) return topic;
    if (this.#topics.size >= topicsMax) this.#forgetIdle();
    topic = new TopicState(name, this.#options.owner, this.#options.partitioner);
    this.#topics.set(name, topic);
    return topic;
  }

  /** Batches leave once a turn of the event loop: what the sockets bring in that turn goes together. */
  markDirty(topic: TopicState): void {
    if (this.#stopped) return;
    this.#dirty.add(topic);
    this.#flush ??= setImmediate(() => {
      this.#flush = undefined;
      this.#flushDirty();
    });
  }

  flushAll(): void {
    for (const topic of this.#topics.values()) if (topic.hasWaiting) this.markDirty(topic);
  }

  /** Answers what is due, and sends what can be sent. @returns the next deadline (monotonic ms), Infinity when none */
  expire(nowMs: number, failure: Failure): number {
    let earliestMs = Infinity;
    for (const topic of this.#topics.values()) {
      if (topic.earliestDeadlineMs() <= nowMs) topic.expire(nowMs, failure);
      earliestMs = Math.min(earliestMs, topic.earliestDeadlineMs());
    }
    this.flushAll();
    return earliestMs;
  }

  /** Nothing leaves any more. */
  stop(): void {
    this.#stopped = true;
    clearImmediate(this.#flush);
  }

  #forgetIdle(): void {
    for (const [name, topic] of this.#topics) {
      if (topic.isIdle && !topic.refresh.isRunning) this.#topics.delete(name);
      if (this.#topics.size < topicsMax) break;
    }
  }

  #flushDirty(): void {
    const nowMs = performance.now();
    for (const topic of this.#dirty) {
      this.#dirty.delete(topic);
      if (!topic.canSend || topic.refresh.atMs <= nowMs) this.#refresh(topic, nowMs);
      if (!topic.canSend || !topic.flush(nowMs)) continue;
      // A leader cannot be reached: another may have been elected.
      topic.refresh.soon(nowMs);
      this.#options.owner.wakeAt(topic.refresh.atMs);
    }
  }

  #refresh(topic: TopicState, nowMs: number): void {
    const { owner, logger } = this.#options;
    const { refresh } = topic;
    if (!refresh.isDue(nowMs)) {
      if (!refresh.isRunning) owner.wakeAt(refresh.atMs);
      return;
    }
    refresh.isRunning = true;
    owner.client
      .metadata(topic.name, nowMs + owner.requestTimeoutMs)
      .then(
        (metadata) => topic.learn(metadata, performance.now()),
        (error: unknown) => this.#refreshFailed(topic, error),
      )
      .finally(() => {
        refresh.isRunning = false;
        if (topic.hasWaiting) this.markDirty(topic);
      })
      .catch((error: unknown) => logger.error('kafka_producer', String(error), { topic: topic.name }));
  }

  #refreshFailed(topic: TopicState, cause: unknown): void {
    const nowMs = performance.now();
    if (isTopicRefusal(cause)) topic.refuse(failureOf(cause), nowMs);
    else topic.refresh.failed(nowMs);
    this.#options.onRefreshFailed(cause);
  }
}
