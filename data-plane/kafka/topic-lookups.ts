import type { TopicMetadata } from './kafka-client.ts';
import { KafkaError } from './kafka-error.ts';
import type { TopicOwner } from './topic-owner.ts';
import type { TopicState } from './topic-state.ts';

/** Topics of one Metadata request. */
const topicsPerRequestMax = 1_000;

export interface TopicLookupsOptions {
  readonly owner: TopicOwner<TopicState>;
  /** Called with what the brokers say of a topic, or with the error when they do not answer. */
  readonly onAnswer: (topic: TopicState, answer: TopicMetadata | KafkaError) => void;
}

/**
 * Fetches the metadata of topics. The topics that are due in one turn of the event loop share a request. Names that
 * requests made up wait for the request before them, so that any number of them costs one request at a time.
 */
export class TopicLookups {
  readonly #owner: TopicOwner<TopicState>;
  readonly #onAnswer: TopicLookupsOptions['onAnswer'];
  #due: TopicState[] = [];
  #strangers: TopicState[] = [];
  #isAskingStrangers = false;

  constructor({ owner, onAnswer }: TopicLookupsOptions) {
    this.#owner = owner;
    this.#onAnswer = onAnswer;
  }

  /** Adds a topic to the next request. */
  add(topic: TopicState): void {
    topic.refresh.isRunning = true;
    (topic.isStranger ? this.#strangers : this.#due).push(topic);
  }

  /** Sends what was added. */
  send(): void {
    while (this.#due.length > 0) this.#ask(this.#due.splice(0, topicsPerRequestMax), () => undefined);
    if (this.#isAskingStrangers || this.#strangers.length === 0) return;
    this.#isAskingStrangers = true;
    this.#ask(this.#strangers.splice(0, topicsPerRequestMax), () => {
      this.#isAskingStrangers = false;
      this.send();
    });
  }

  #ask(topics: readonly TopicState[], onEnd: () => void): void {
    const { client, requestTimeoutMs } = this.#owner;
    const names = topics.map(({ name }) => name);
    client.metadata(names, performance.now() + requestTimeoutMs).then(
      (answers) => this.#answered(topics, (name) => answers.get(name) ?? clientFailed(undefined), onEnd),
      (error: unknown) =>
        this.#answered(topics, () => (error instanceof KafkaError ? error : clientFailed(error)), onEnd),
    );
  }

  #answered(
    topics: readonly TopicState[],
    answerOf: (name: string) => TopicMetadata | KafkaError,
    onEnd: () => void,
  ): void {
    for (const topic of topics) {
      topic.refresh.isRunning = false;
      this.#onAnswer(topic, answerOf(topic.name));
    }
    onEnd();
  }
}

/** The error for something that no client should do. */
function clientFailed(cause: unknown): KafkaError {
  return new KafkaError('INVALID_RESPONSE', 'the client failed', { retriable: true, wire: 'verdict', cause });
}
