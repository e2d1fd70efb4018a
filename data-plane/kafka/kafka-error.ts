/** Says whether the records of a failed Produce request may have been written. */
export type Wire =
  /** Certain that no byte left. */
  | 'untouched'
  /** The broker answered for the topic-partition: not written. */
  | 'verdict'
  /** At least one byte may have left and no verdict came, or the answer itself says that the leader had appended it. */
  | 'unknown';

/** A foreign failure, translated once, in the folder that owns the dependency. */
export class KafkaError extends Error {
  /** Kafka's error name (`NOT_LEADER_OR_FOLLOWER`), or `CONNECTION_FAILED`, `AUTHENTICATION_FAILED`, `TIMED_OUT`, `CLOSED`, `ENCODING_FAILED`. */
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
