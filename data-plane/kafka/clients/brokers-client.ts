import { doublingMs } from '../../../shared/backoff.ts';
import {
  type BatchOutcome,
  type ClientStatus,
  type KafkaClient,
  type KafkaClientEvents,
  KafkaError,
  type PartitionsByTopic,
  type ProduceRequest,
  type ProducerId,
  type TopicMetadata,
} from '../kafka-client.ts';
import { kafkaErrorCode } from '../wire/kafka-error-codes.ts';
import type { MetadataAnswer, TopicAnswer } from '../wire/metadata-request.ts';
import type { ClusterSettings } from '../producer-types.ts';
import { isTopicRefusal } from '../produce-failure.ts';
import {
  type BrokerAddress,
  type BrokerConnection,
  connectionFailed,
  type OpenBrokerConnection,
} from './broker-connection.ts';
import { askMetadata, askProducerId, askTopicConfig, produceOn } from './broker-requests.ts';

const reconnectBackoff = { firstMs: 50, maxMs: 1000 } as const;
/** A connection that a broker closes sooner than this was not idle. The shortest sensible limit of brokers is above it. */
const idleLeastMs = 1_000;
/** A refused login is tried again more slowly: brokers and directories may lock accounts. */
const loginBackoffMs = 5000;

/** A broker of the cluster and the one connection to it. */
interface Broker {
  readonly id: number;
  address: BrokerAddress;
  connection: BrokerConnection | null;
  state: 'down' | 'opening' | 'up';
  /** Monotonic; when its connection was last opened. */
  openedAtMs: number;
  failures: number;
  /** Monotonic; no attempt before. */
  retryAtMs: number;
}

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
  readonly #brokers = new Map<number, Broker>();
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

  async recordBytesMax(topic: string, deadlineMs: number): Promise<number | null> {
    const text = await askTopicConfig(
      await this.#requireUp(deadlineMs),
      topic,
      'max.message.bytes',
      this.#timeoutMs(deadlineMs),
    );
    return text === null ? null : Number(text);
  }

  async probe(partitions: PartitionsByTopic, deadlineMs: number): Promise<void> {
    const topics = await this.metadata([...partitions.keys()], deadlineMs);
    const leaders = [...partitions].map(([topic, ids]) => leadersOf(topics.get(topic), ids));
    await Promise.all([...new Set(leaders.flat())].map((leader) => this.#askBroker(leader, deadlineMs)));
  }

  isReady(brokerId: number): boolean {
    const broker = this.#brokers.get(brokerId);
    if (broker === undefined) return false;
    if (broker.state === 'up') return broker.connection !== null && broker.connection.isReady();
    if (broker.state === 'down') this.#openBroker(broker);
    return false;
  }

  produce(request: ProduceRequest): Promise<readonly BatchOutcome[]> {
    const broker = this.#brokers.get(request.leader);
    if (broker === undefined || broker.connection === null || broker.state !== 'up') {
      return Promise.reject(connectionFailed("the leader's connection is down", 'untouched'));
    }
    return produceOn(broker.connection, this.#options.cluster, request);
  }

  async producerId(deadlineMs: number): Promise<ProducerId> {
    return askProducerId(await this.#requireUp(deadlineMs), this.#timeoutMs(deadlineMs));
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const broker of this.#brokers.values()) {
      broker.connection?.destroy();
      broker.connection = null;
      broker.state = 'down';
    }
    this.#wakeWaiting();
    return Promise.resolve();
  }

  async #askAny(topics: readonly string[], deadlineMs: number): Promise<MetadataAnswer> {
    const answer = await askMetadata(await this.#requireUp(deadlineMs), topics, this.#timeoutMs(deadlineMs));
    this.#learn(answer);
    return answer;
  }

  async #askBroker(brokerId: number, deadlineMs: number): Promise<void> {
    const broker = this.#brokers.get(brokerId);
    if (broker === undefined || broker.connection === null || broker.state !== 'up') {
      if (broker !== undefined) this.#openBroker(broker);
      throw connectionFailed("the leader's connection is down", 'untouched');
    }
    await askMetadata(broker.connection, [], this.#timeoutMs(deadlineMs));
  }

  #timeoutMs(deadlineMs: number): number {
    return Math.max(1, Math.min(this.#options.answerTimeoutMs, deadlineMs - performance.now()));
  }

  /** Waits only while a connection that was idle is opened again. @throws KafkaError when no broker is connected */
  async #requireUp(deadlineMs: number): Promise<BrokerConnection> {
    let connection = this.#anyUp();
    while (connection === null && this.#isReopening && performance.now() < deadlineMs) {
      await this.#statusChange(deadlineMs - performance.now());
      connection = this.#anyUp();
    }
    if (connection !== null) return connection;
    this.#search();
    throw connectionFailed(this.#status.error ?? 'no broker is connected', 'untouched');
  }

  get #isReopening(): boolean {
    if (this.#closed || this.#status.state !== 'connected') return false;
    return [...this.#brokers.values()].some(({ state }) => state === 'opening');
  }

  #anyUp(): BrokerConnection | null {
    let up: BrokerConnection | null = null;
    for (const { state, connection } of this.#brokers.values()) {
      if (state !== 'up' || connection === null) continue;
      if (connection.isReady()) return connection;
      up = connection;
    }
    return up;
  }

  /** Asks the seeds in turn who the brokers are, again and again until one of these is connected. */
  #search(): void {
    if (this.#searching || this.#searchTimer !== null || this.#closed || this.#anyUp() !== null) return;
    this.#searching = true;
    this.#askSeed()
      .then(
        // Each is connected to, so that the state of the cluster is known without traffic.
        () => this.#brokers.forEach((broker) => this.#openBroker(broker)),
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
      this.#learn(await askMetadata(connection, [], this.#options.answerTimeoutMs));
    } finally {
      connection.destroy();
    }
  }

  #learn(answer: MetadataAnswer): void {
    if (this.#closed) return;
    const seen = new Set<number>();
    for (const { id, host, port } of answer.brokers) {
      seen.add(id);
      const broker = this.#brokers.get(id);
      if (broker === undefined) {
        this.#brokers.set(id, {
          id,
          address: { host, port },
          connection: null,
          state: 'down',
          openedAtMs: -Infinity,
          failures: 0,
          retryAtMs: 0,
        });
      } else if (broker.address.host !== host || broker.address.port !== port) {
        broker.address = { host, port };
        broker.failures = 0;
        broker.retryAtMs = 0;
        if (broker.state === 'up') this.#drop(broker, connectionFailed('the broker has moved', 'untouched'));
      }
    }
    for (const broker of this.#brokers.values()) {
      // A broker that the cluster no longer names and that does not answer either is forgotten.
      if (!seen.has(broker.id) && broker.state === 'down') this.#brokers.delete(broker.id);
    }
  }

  #openBroker(broker: Broker): void {
    if (this.#closed || broker.state !== 'down') return;
    if (performance.now() < broker.retryAtMs) return;
    const connection = this.#options.open(broker.address, {
      onReady: () => this.#options.events.onReady(),
      onClosed: (error, wasIdle) => this.#ended(broker, error, wasIdle),
    });
    broker.state = 'opening';
    broker.connection = connection;
    connection.open().then(
      () => {
        if (this.#closed || broker.connection !== connection) return connection.destroy();
        broker.state = 'up';
        broker.openedAtMs = performance.now();
        broker.failures = 0;
        this.#searches = 0;
        this.#setStatus({ state: 'connected', error: null, loginRefused: false });
        this.#wakeWaiting();
        this.#options.events.onReady();
      },
      (error: unknown) => {
        connection.destroy();
        if (broker.connection === connection) this.#drop(broker, error);
      },
    );
  }

  /** Brokers close connections that are idle for long (`connections.max.idle.ms`): that is no failure. */
  #ended(broker: Broker, error: KafkaError, wasIdle: boolean): void {
    if (!wasIdle || performance.now() - broker.openedAtMs < idleLeastMs) return this.#drop(broker, error);
    broker.connection = null;
    broker.state = 'down';
    this.#openBroker(broker);
  }

  #drop(broker: Broker, error: unknown): void {
    if (this.#closed) return;
    broker.connection?.destroy();
    broker.connection = null;
    broker.state = 'down';
    const loginRefused = error instanceof KafkaError && error.kafkaName === 'AUTHENTICATION_FAILED';
    const delayMs = loginRefused ? loginBackoffMs : reconnectDelayMs(broker.failures++);
    broker.retryAtMs = performance.now() + delayMs;
    if (this.#anyUp() === null) {
      this.#failed(error);
      this.#search();
    }
    this.#after(delayMs + 1, () => {
      // Only the owner knows whether the broker is still of use: it asks isReady, which connects.
      if (broker.state === 'down') this.#options.events.onReady();
    });
  }

  #failed(error: unknown): void {
    if (this.#closed || this.#anyUp() !== null) return;
    const message = error instanceof Error ? error.message : 'the connection failed';
    const loginRefused = error instanceof KafkaError && error.kafkaName === 'AUTHENTICATION_FAILED';
    this.#setStatus({ state: 'failing', error: message, loginRefused });
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

/** Returns three quarters of the doubled delay or more, with jitter so that many nodes do not come back in step. */
function reconnectDelayMs(failures: number): number {
  return doublingMs(failures, reconnectBackoff) * (0.75 + Math.random() / 4);
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
