import type { KafkaError } from './kafka-error.ts';

/**
 * The one small interface behind which the Kafka client library sits. Two implementations pass one contract suite;
 * nothing outside this folder knows either.
 */
export interface KafkaClient {
  /** Resolves when a broker was reached, logged in and told who the others are. @throws KafkaError */
  connect(deadlineMs: number): Promise<void>;
  /**
   * Asks for fresh metadata of topics in one request and creates none of them. Each topic has its metadata or its own error
   * (UNKNOWN_TOPIC_OR_PARTITION, TOPIC_AUTHORIZATION_FAILED, …). @throws KafkaError when there is no answer
   */
  metadata(topics: readonly string[], deadlineMs: number): Promise<ReadonlyMap<string, TopicMetadata | KafkaError>>;
  /** Asks for the topic's limits of a record. @throws KafkaError when there is no answer */
  topicLimits(topic: string, deadlineMs: number): Promise<TopicLimits>;
  /** Resolves when a broker answers, and so do the leaders of these partitions. @throws KafkaError */
  probe(partitions: PartitionsByTopic, deadlineMs: number): Promise<void>;
  /**
   * Says whether a batch could be written to this broker's socket at once: connected, logged in, not throttled, no bytes
   * waiting in the socket. When it is not connected the client starts to connect; `onReady` tells when to ask again.
   */
  isReady(brokerId: number): boolean;
  /**
   * Sends one Produce request, once: no retry, no queue, no repartitioning.
   * @returns what became of each batch, in their order
   * @throws KafkaError which holds for all of them
   */
  produce(request: ProduceRequest): Promise<readonly BatchOutcome[]>;
  /** A producer id that nobody else has or had (KIP-98, without a transactional id). @throws KafkaError */
  producerId(deadlineMs: number): Promise<ProducerId>;
  /** Ends the connections at once; requests in flight fail as unknown. */
  close(): Promise<void>;
}

/** The settings of a topic that say which records it takes. Null: the brokers do not tell. */
export interface TopicLimits {
  /** `max.message.bytes`. */
  readonly recordBytesMax: number | null;
  readonly timestamps: TimestampLimits | null;
}

export interface TimestampLimits {
  /** The brokers write the time of the append in place of the record's own. */
  readonly isAppendTime: boolean;
  /** `message.timestamp.before.max.ms` and `.after.max.ms`: how far from the broker's clock a timestamp may be. */
  readonly beforeMaxMs: number;
  readonly afterMaxMs: number;
}

export type PartitionsByTopic = ReadonlyMap<string, ReadonlySet<number>>;

/** Events of a client. Neither function may throw. */
export interface KafkaClientEvents {
  /** A broker that was not ready is now, or another one's address became known. */
  onReady(): void;
  /** Called when the state or its reason changes. */
  onStatus(status: ClientStatus): void;
}

export interface ClientStatus {
  /** connecting: nothing was reached yet. connected: at least one broker is up and logged in. failing: none is. */
  readonly state: 'connecting' | 'connected' | 'failing';
  /** The reason of the failure, without a secret. */
  readonly error: string | null;
  /** The brokers answered and refused the login: waiting will not help. */
  readonly loginRefused: boolean;
}

export interface TopicMetadata {
  readonly topic: string;
  /** 32 hex digits (KIP-516); null where the brokers know no ids. A topic made again has another one. */
  readonly id: string | null;
  /** By partition id, 0…n-1. A leader of -1: none at the moment. */
  readonly partitions: readonly { readonly id: number; readonly leader: number }[];
}

/**
 * Batches for partitions of one topic with one leader, each of another partition. Never of two topics: with acks -1 a
 * broker answers when the slowest partition is replicated, and no topic may wait for another.
 */
export interface ProduceRequest {
  readonly topic: string;
  /** From the metadata. Where the broker understands ids, only the topic with this one is written to. */
  readonly topicId: string | null;
  /** Broker id of the partitions' leader, from the metadata. */
  readonly leader: number;
  readonly batches: readonly ProduceBatch[];
  /** Time limit of the broker, with acks -1 for its replicas. */
  readonly timeoutMs: number;
}

export interface ProduceBatch {
  readonly partition: number;
  readonly records: readonly KafkaRecord[];
  /** Idempotent: sent again with the same stamp it is the same bytes, and brokers write it once. */
  readonly stamp: SequenceStamp | null;
}

export interface ProducerId {
  readonly id: bigint;
  readonly epoch: number;
}

/** Identifies a batch that is sent again (KIP-98). */
export interface SequenceStamp {
  readonly producer: ProducerId;
  /** Sequence number of the first record, 0…2^31-1. */
  readonly sequence: number;
  /** Wall clock. */
  readonly createdAtMs: number;
}

export interface ProduceResult {
  /** Offset of the batch's first record; null for acks 0. */
  readonly baseOffset: bigint | null;
}

export type BatchOutcome = ProduceResult | KafkaError;

/** One Kafka record: what a request becomes. */
export interface KafkaRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** In order; names may repeat. */
  readonly headers: readonly RecordHeader[];
  /** The partition that the request chose; else the key, or the turn, decides. */
  readonly partition?: number;
  /** Milliseconds since 1970, from 0 to 2^50; else the time of sending. */
  readonly timestampMs?: number;
}

export interface RecordHeader {
  readonly name: string;
  readonly value: Buffer | string;
}
