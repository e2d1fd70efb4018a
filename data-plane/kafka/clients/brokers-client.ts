import type {
  BatchOutcome,
  ClientStatus,
  KafkaClient,
  KafkaClientEvents,
  PartitionsByTopic,
  ProduceRequest,
  ProducerId,
  TopicLimits,
  TopicMetadata,
} from '../kafka-client.ts';
import { KafkaError } from '../kafka-error.ts';
import { kafkaErrorCode } from '../wire/kafka-error-codes.ts';
import type { MetadataAnswer, TopicAnswer } from '../wire/metadata-request.ts';
import type { ClusterSettings } from '../producer-types.ts';
import { isTopicRefusal } from '../produce-failure.ts';
import { type BrokerConnection, connectionFailed, type OpenBrokerConnection } from './broker-connection.ts';
import { BrokerTable, isLoginRefused, loginBackoffMs, reconnectDelayMs } from './broker-table.ts';
import { askMetadata, askProducerId, askTopicConfig, produceOn } from './broker-requests.ts';

export interface BrokersClientOptions {
  readonly cluster: ClusterSettings;
  readonly open: OpenBrokerConnection;
  /** Time limit of a broker's answer. */
  readonly answerTimeoutMs: number;
  readonly events: KafkaClientEvents;
}

/**
 * The client over single connections: finds the brokers through the seeds, keeps one connection to each that is asked
 * for, and connects again by itself. It holds no state of topics, so that none can poison another.
 */
export class BrokersClient implements KafkaClient {
  readonly #options: BrokersClientOptions;
  readonly #brokers: BrokerTable;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #waiting = new Set<() => void>();
  #status: ClientStatus = { state: 'connecting', error: null, loginRefused: false };
  #seedIndex = 0;
  #searching = false;
  #searchTimer: NodeJS.Timeout | null = null;
  /** Since a broker was up. */
  #searches = 0;
  #closed = false;

  constructor(options: BrokersClientOptions) {
    this.#options = options;
    const { events } = options;
    this.#brokers = new BrokerTable({
      open: options.open,
      after: (delayMs, run) => this.#after(delayMs, run),
      onReady: () => events.onReady(),
      onUp: () => {
        this.#searches = 0;
        this.#setStatus({ state: 'connected', error: null, loginRefused: false });
        this.#wakeWaiting();
        events.onReady();
      },
      onAllDown: (error) => {
        this.#failed(error);
        this.#search();
      },
    });
  }

  async connect(deadlineMs: number): Promise<void> {
    this.#search();
    while (this.#status.state !== 'connected') {
      if (this.#closed) throw closedError();
      const waitMs = deadlineMs - performance.now();
      if (waitMs <= 0 || this.#status.loginRefused) {
        throw new KafkaError(
          this.#status.loginRefused ? 'AUTHENTICATION_FAILED' : 'CONNECTION_FAILED',
          this.#status.error ?? 'no broker answered in time',
          { retriable: !this.#status.loginRefused, wire: 'untouched' },
        );
      }
      await this.#statusChange(waitMs);
    }
  }

  async metadata(
    topics: readonly string[],
    deadlineMs: number,
  ): Promise<ReadonlyMap<string, TopicMetadata | KafkaError>> {
    const answer = await this.#askAny(topics, deadlineMs);
    return new Map(topics.map((topic) => [topic, toMetadata(topic, answer.topics.get(topic))]));
  }

  async topicLimits(topic: string, deadlineMs: number): Promise<TopicLimits> {
    const connection = await this.#requireUp(deadlineMs);
    return limitsOf(await askTopicConfig(connection, topic, limitNames, this.#timeoutMs(deadlineMs)));
  }

  async probe(partitions: PartitionsByTopic, deadlineMs: number): Promise<void> {
    const topics = await this.metadata([...partitions.keys()], deadlineMs);
    const leaders = [...partitions].map(([topic, ids]) => leadersOf(topics.get(topic), ids));
    await Promise.all([...new Set(leaders.flat())].map((leader) => this.#askBroker(leader, deadlineMs)));
  }

  isReady(brokerId: number): boolean {
    return this.#brokers.isReady(brokerId);
  }

  produce(request: ProduceRequest): Promise<readonly BatchOutcome[]> {
    const connection = this.#brokers.connectionOf(request.leader);
    if (connection === null) return Promise.reject(connectionFailed("the leader's connection is down", 'untouched'));
    return produceOn(connection, this.#options.cluster, request);
  }

  async producerId(deadlineMs: number): Promise<ProducerId> {
    return askProducerId(await this.#requireUp(deadlineMs), this.#timeoutMs(deadlineMs));
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#brokers.close();
    this.#wakeWaiting();
    return Promise.resolve();
  }

  async #askAny(topics: readonly string[], deadlineMs: number): Promise<MetadataAnswer> {
    const answer = await askMetadata(await this.#requireUp(deadlineMs), topics, this.#timeoutMs(deadlineMs));
    this.#brokers.learn(answer.brokers);
    return answer;
  }

  async #askBroker(brokerId: number, deadlineMs: number): Promise<void> {
    const connection = this.#brokers.connectionOf(brokerId);
    if (connection === null) {
      // Opens it for the next probe.
      this.#brokers.isReady(brokerId);
      throw connectionFailed("the leader's connection is down", 'untouched');
    }
    await askMetadata(connection, [], this.#timeoutMs(deadlineMs));
  }

  #timeoutMs(deadlineMs: number): number {
    return Math.max(1, Math.min(this.#options.answerTimeoutMs, deadlineMs - performance.now()));
  }

  /** Waits only while a connection that was idle is opened again. @throws KafkaError when no broker is connected */
  async #requireUp(deadlineMs: number): Promise<BrokerConnection> {
    let connection = this.#brokers.anyUp();
    while (connection === null && this.#isReopening() && performance.now() < deadlineMs) {
      await this.#statusChange(deadlineMs - performance.now());
      connection = this.#brokers.anyUp();
    }
    if (connection !== null) return connection;
    this.#search();
    throw connectionFailed(this.#status.error ?? 'no broker is connected', 'untouched');
  }

  #isReopening(): boolean {
    return !this.#closed && this.#status.state === 'connected' && this.#brokers.isOpening;
  }

  /** Asks the seeds in turn who the brokers are, again and again until one of these is connected. */
  #search(): void {
    if (this.#searching || this.#searchTimer !== null || this.#closed || this.#brokers.anyUp() !== null) return;
    this.#searching = true;
    this.#askSeed()
      .then(
        // Each is connected to, so that the state of the cluster is known without traffic.
        () => this.#brokers.openAll(),
        (error: unknown) => this.#failed(error),
      )
      .finally(() => {
        this.#searching = false;
        if (this.#closed) return;
        const delayMs = this.#status.loginRefused ? loginBackoffMs : reconnectDelayMs(this.#searches++);
        this.#searchTimer = this.#after(delayMs, () => {
          this.#searchTimer = null;
          this.#search();
        });
      })
      .catch((error: unknown) => this.#failed(error));
  }

  async #askSeed(): Promise<void> {
    const { bootstrapServers } = this.#options.cluster;
    const seed = bootstrapServers[this.#seedIndex++ % bootstrapServers.length];
    if (seed === undefined)
      throw new KafkaError('CONNECTION_FAILED', 'no bootstrap server is set', { retriable: false, wire: 'untouched' });
    const connection = this.#options.open(seed, { onReady: () => undefined, onClosed: () => undefined });
    try {
      await connection.open();
      const { brokers } = await askMetadata(connection, [], this.#options.answerTimeoutMs);
      this.#brokers.learn(brokers);
    } finally {
      connection.destroy();
    }
  }

  #failed(error: unknown): void {
    if (this.#closed || this.#brokers.anyUp() !== null) return;
    const message = error instanceof Error ? error.message : 'the connection failed';
    this.#setStatus({ state: 'failing', error: message, loginRefused: isLoginRefused(error) });
  }

  #setStatus(status: ClientStatus): void {
    const before = this.#status;
    if (before.state === status.state && before.error === status.error && before.loginRefused === status.loginRefused) {
      return;
    }
    this.#status = status;
    this.#options.events.onStatus(status);
    this.#wakeWaiting();
  }

  #statusChange(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        clearTimeout(timer);
        this.#timers.delete(timer);
        resolve();
      };
      const timer = this.#after(waitMs, done);
      this.#waiting.add(done);
    });
  }

  #wakeWaiting(): void {
    for (const done of this.#waiting) done();
  }

  #after(delayMs: number, run: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (!this.#closed) run();
    }, delayMs);
    this.#timers.add(timer);
    return timer;
  }
}

const limitNames = [
  'max.message.bytes',
  'message.timestamp.type',
  'message.timestamp.before.max.ms',
  'message.timestamp.after.max.ms',
];

/** Brokers before 3.6 do not know the last two settings. */
function limitsOf(settings: ReadonlyMap<string, string>): TopicLimits {
  const [bytes, type, before, after] = limitNames.map((name) => settings.get(name));
  return {
    recordBytesMax: bytes === undefined ? null : Number(bytes),
    timestamps:
      type === undefined || before === undefined || after === undefined
        ? null
        : { isAppendTime: type === 'LogAppendTime', beforeMaxMs: Number(before), afterMaxMs: Number(after) },
  };
}

function closedError(): KafkaError {
  return new KafkaError('CLOSED', 'the client is closed', { retriable: false, wire: 'untouched' });
}

function toMetadata(topic: string, answer: TopicAnswer | undefined): TopicMetadata | KafkaError {
  if (answer === undefined) {
    const message = 'the broker left the topic out of its metadata';
    return new KafkaError('INVALID_RESPONSE', message, { retriable: true, wire: 'verdict' });
  }
  if (answer.errorCode !== 0) {
    const { name, retriable } = kafkaErrorCode(answer.errorCode);
    return new KafkaError(name, `the brokers answered ${name} for the topic`, { retriable, wire: 'verdict' });
  }
  return { topic, id: answer.id, partitions: [...answer.partitions].sort((a, b) => a.id - b.id) };
}

/** Returns the leaders of these partitions, as far as topic and partitions still exist. @throws KafkaError when one has none */
function leadersOf(metadata: TopicMetadata | KafkaError | undefined, ids: ReadonlySet<number>): number[] {
  if (metadata === undefined || isTopicRefusal(metadata)) return [];
  if (metadata instanceof KafkaError) throw metadata;
  const leaders = metadata.partitions.filter(({ id }) => ids.has(id)).map(({ leader }) => leader);
  if (leaders.some((leader) => leader < 0)) {
    throw new KafkaError('LEADER_NOT_AVAILABLE', 'a partition has no leader', { retriable: true, wire: 'verdict' });
  }
  return leaders;
}
