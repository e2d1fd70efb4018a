/**
 * The one small interface behind which the Kafka client library sits. Two implementations pass one contract suite;
 * nothing outside this folder knows either.
 */
export interface KafkaClient {
  /** Connects to a seed broker and logs in. @throws KafkaError */
  connect(deadlineMs: number): Promise<void>;
  /** Fresh metadata of one topic; never creates it. @throws KafkaError (UNKNOWN_TOPIC_OR_PARTITION, TOPIC_AUTHORIZATION_FAILED, …) */
  metadata(topic: string, deadlineMs: number): Promise<TopicMetadata>;
  /**
   * Whether a batch for this partition could leave at once: the leader's connection is up and logged in. When it is
   * not, the implementation starts to connect; `whenReady` tells when to ask again.
   */
  isReady(topic: string, partition: number): boolean;
  /** Resolves when the leader's connection is up. @throws KafkaError when it cannot be had by the deadline. */
  whenReady(topic: string, partition: number, deadlineMs: number): Promise<void>;
  /** Sends one batch to one topic-partition, once: no retry, no repartitioning. @throws KafkaError */
  produce(batch: ProduceBatch): Promise<ProduceResult>;
  /** Ends the connections; requests in flight fail as unknown. */
  close(): Promise<void>;
}

export interface TopicMetadata {
  readonly topic: string;
  /** By partition id, 0…n-1. A leader of -1: none at the moment. */
  readonly partitions: readonly { readonly id: number; readonly leader: number }[];
}

export interface ProduceBatch {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly KafkaRecord[];
  /** How long the broker may take (acks=-1: for the replicas). */
  readonly timeoutMs: number;
}

export interface ProduceResult {
  /** Offset of the batch's first record, as a decimal string; null for acks 0. */
  readonly baseOffset: string | null;
}

/** One Kafka record: what a request becomes. */
export interface KafkaRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** In order; names may repeat. */
  readonly headers: readonly RecordHeader[];
}

export interface RecordHeader {
  readonly name: string;
  readonly value: Buffer | string;
}

/** Whether the bytes of a failed Produce request may have reached the broker. */
export type Wire =
  /** Certain that no byte left. */
  | 'untouched'
  /** The broker answered: this is its verdict for the topic-partition. */
  | 'verdict'
  /** At least one byte may have left and no verdict came. */
  | 'unknown';

/** A foreign failure, translated once, in the folder that owns the dependency. */
export class KafkaError extends Error {
  /** Kafka's error name (`NOT_LEADER_OR_FOLLOWER`), or `CONNECTION_FAILED`, `AUTHENTICATION_FAILED`, `TIMED_OUT`, `CLOSED`. */
  readonly kafkaName: string;
  /** Kafka's classification: the same request may succeed later. */
  readonly retriable: boolean;
  readonly wire: Wire;

  constructor(kafkaName: string, message: string, options: { retriable: boolean; wire: Wire; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'KafkaError';
    this.kafkaName = kafkaName;
    this.retriable = options.retriable;
    this.wire = options.wire;
  }
}
