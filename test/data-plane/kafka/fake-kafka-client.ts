import { Registry } from 'prom-client';
import { silentLogger, type Logger } from '../../../shared/log.ts';
import type {
  ClientStatus,
  KafkaClient,
  KafkaClientEvents,
  KafkaRecord,
  BatchOutcome,
  PartitionsByTopic,
  ProduceBatch,
  ProduceRequest,
  ProducerId,
  TimestampLimits,
  TopicLimits,
  TopicMetadata,
} from '../../../data-plane/kafka/kafka-client.ts';
import { KafkaError, type Wire } from '../../../data-plane/kafka/kafka-error.ts';
import { ownMemory } from '../../../data-plane/kafka/queue-bounds.ts';
import { LogicalProducer } from '../../../data-plane/kafka/logical-producer.ts';
import { TopicLabels } from '../../../data-plane/kafka/topic-labels.ts';
import { createProducerMetrics } from '../../../data-plane/kafka/producer-metrics.ts';
import type { ClusterSettings, ProducerLimits } from '../../../data-plane/kafka/producer-types.ts';

/** A batch of a Produce request that the producer has handed over; the test says what becomes of it. */
export interface SentBatch {
  /** The request is answered when each of its batches is. */
  readonly request: ProduceRequest;
  readonly batch: ProduceBatch;
  readonly values: readonly string[];
  ack(baseOffset?: bigint): void;
  fail(kafkaName: string, options: { wire: Wire; retriable?: boolean }): void;
}

/** A client under the test's control: plain fields, no behaviour of its own. */
export class FakeKafkaClient implements KafkaClient {
  /** Topics that exist, by number of partitions; led by broker 1. */
  readonly topics = new Map<string, number>();
  readonly topicIds = new Map<string, string>();
  readonly leaders = new Map<string, number>();
  readonly refusals = new Map<string, KafkaError>();
  readonly sent: SentBatch[] = [];
  readonly metadataRequests: string[] = [];
  readonly limitRequests: string[] = [];
  limits: (topic: string) => Promise<number | null> = () => Promise.resolve(null);
  timestamps: TimestampLimits | null = null;
  probes = 0;
  /** `topic/ids` of the last probe. */
  probed: readonly string[] = [];
  /** How often a producer id was asked for; the ids go up from 1. */
  producerIds = 0;
  producerIdRefusal: KafkaError | null = null;
  ready = true;
  connected = true;
  closed = false;
  /** Called for each batch, after it was noted. */
  onSent: (sent: SentBatch) => void = () => undefined;
  events: KafkaClientEvents = { onReady: () => undefined, onStatus: () => undefined };

  connect(): Promise<void> {
    if (this.connected) this.status({ state: 'connected', error: null, loginRefused: false });
    return Promise.resolve();
  }

  status(status: ClientStatus): void {
    this.events.onStatus(status);
  }

  async metadata(topics: readonly string[]): Promise<ReadonlyMap<string, TopicMetadata | KafkaError>> {
    this.metadataRequests.push(topics.join());
    if (!this.connected) throw new KafkaError('CONNECTION_FAILED', 'down', { retriable: true, wire: 'untouched' });
    return new Map(topics.map((topic) => [topic, this.refusals.get(topic) ?? this.#metadataOf(topic)]));
  }

  #metadataOf(topic: string): TopicMetadata {
    const count = this.topics.get(topic) ?? 0;
    const partitions = Array.from({ length: count }, (_, id) => ({
      id,
      leader: this.leaders.get(`${topic}/${id}`) ?? 1,
    }));
    return { topic, id: this.topicIds.get(topic) ?? null, partitions };
  }

  async topicLimits(topic: string): Promise<TopicLimits> {
    this.limitRequests.push(topic);
    return { recordBytesMax: await this.limits(topic), timestamps: this.timestamps };
  }

  probe(partitions: PartitionsByTopic): Promise<void> {
    this.probes++;
    this.probed = [...partitions].map(([topic, ids]) => `${topic}/${[...ids].join(',')}`);
    if (this.connected) return Promise.resolve();
    return Promise.reject(new KafkaError('CONNECTION_FAILED', 'down', { retriable: true, wire: 'untouched' }));
  }

  isReady(): boolean {
    return this.ready;
  }

  becomeReady(): void {
    this.ready = true;
    this.events.onReady();
  }

  async produce(request: ProduceRequest): Promise<readonly BatchOutcome[]> {
    return Promise.all(request.batches.map((batch) => this.#receive(request, batch)));
  }

  #receive(request: ProduceRequest, batch: ProduceBatch): Promise<BatchOutcome> {
    return new Promise((resolve, reject) => {
      const sent: SentBatch = {
        request,
        batch,
        values: batch.records.map(({ value }) => value?.toString() ?? ''),
        ack: (baseOffset = 0n) => resolve({ baseOffset }),
        fail: (kafkaName, { wire, retriable = true }) => {
          const error = new KafkaError(kafkaName, kafkaName, { retriable, wire });
          // As a broken connection does: for all of the request. Of one of several batches it would say too much.
          if (request.batches.length === 1) reject(error);
          else resolve(error);
        },
      };
      this.sent.push(sent);
      this.onSent(sent);
    });
  }

  producerId(): Promise<ProducerId> {
    this.producerIds++;
    if (this.producerIdRefusal !== null) return Promise.reject(this.producerIdRefusal);
    return Promise.resolve({ id: BigInt(this.producerIds), epoch: 0 });
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

export const testLimits: ProducerLimits = {
  batchRecordsMax: 200,
  batchBytesMax: 1_048_576,
  lingerMs: 0,
  queueRecordsMax: 1000,
  queueBytesMax: 10_000_000,
  attemptsMax: 10,
  retryBackoffMs: 1,
};

export const testCluster: ClusterSettings = {
  bootstrapServers: [{ host: 'kafka.invalid', port: 9092 }],
  connectTimeoutMs: 1000,
  requestTimeoutMs: 1000,
  acks: -1,
  compression: 'none',
  idempotent: false,
  partitioner: 'murmur2',
  sasl: null,
  tls: null,
};

/** A producer over a fake client, with its registry. */
export function fakeProducer(
  options: {
    limits?: Partial<ProducerLimits>;
    memoryBytesMax?: number;
    client?: FakeKafkaClient;
    logger?: Logger;
    cluster?: Partial<ClusterSettings>;
  } = {},
): { client: FakeKafkaClient; producer: LogicalProducer; registry: Registry } {
  const client = options.client ?? new FakeKafkaClient();
  const registry = new Registry();
  const memory = ownMemory(options.memoryBytesMax ?? 100_000_000);
  const producer: LogicalProducer = new LogicalProducer({
    label: () => 'test',
    topicLabels: new TopicLabels(),
    cluster: { ...testCluster, ...options.cluster },
    limits: { ...testLimits, ...options.limits },
    memory,
    logger: options.logger ?? silentLogger(),
    metrics: createProducerMetrics(registry, () => [producer.figures()], memory),
    createClient: (events) => {
      client.events = events;
      return client;
    },
  });
  return { client, producer, registry };
}

export function testRecord(value: string, key: string | null = null): KafkaRecord {
  return { key: key === null ? null : Buffer.from(key), value: Buffer.from(value), headers: [] };
}
