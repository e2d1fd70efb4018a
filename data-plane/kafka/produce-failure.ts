import type { ErrorCode, ErrorDetail } from '../../shared/errors.ts';
import { KafkaError } from './kafka-error.ts';
import type { Entry } from './entry.ts';
import type { FailedVerdict } from './producer-types.ts';

/** The reason why records were not acked. It does not say yet which outcome that means for each of them. */
export interface Failure {
  readonly code: ErrorCode;
  readonly outcome: 'rejected' | 'not_sent';
  /** One sentence; holds no secret. */
  readonly message: string;
  readonly kafkaName: string | null;
  readonly details?: readonly ErrorDetail[];
}

/** The decision about a batch after a failed attempt. */
export interface Judgement {
  readonly next: 'retry' | 'split' | 'give_up';
  /** The attempt may have been written: from now on the outcome is acked or unknown. */
  readonly mayBeWritten: boolean;
  /** The leader is another one, or none: fetch metadata. */
  readonly refresh: boolean;
  /** The attempt reached a broker. */
  readonly counts: boolean;
  /** Idempotent: the producer id is of no use any more. */
  readonly retires: boolean;
  readonly failure: Failure;
}

const splitNames = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD', 'INVALID_TIMESTAMP']);
const refreshNames = new Set([
  'NOT_LEADER_OR_FOLLOWER',
  'LEADER_NOT_AVAILABLE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'UNKNOWN_TOPIC_ID',
  'INCONSISTENT_TOPIC_ID',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'BROKER_NOT_AVAILABLE',
  'REPLICA_NOT_AVAILABLE',
  'KAFKA_STORAGE_ERROR',
  'CONNECTION_FAILED',
  'TIMED_OUT',
  'CLOSED',
]);

/** The broker does not know the sequence number's place: another producer id is needed. */
const retiringNames = new Set(['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID', 'INVALID_PRODUCER_EPOCH']);
/** The leader has appended the batch, and its replicas were late. */
const appendedNames = new Set(['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'REQUEST_TIMED_OUT']);

/** Judges a failed attempt. `isStamped`: brokers write the batch once, even if it is sent again. */
export function judge(error: KafkaError, isStamped: boolean): Judgement {
  const { kafkaName, wire } = error;
  const retires = retiringNames.has(kafkaName);
  const judgement = {
    mayBeWritten: wire === 'unknown',
    refresh: refreshNames.has(kafkaName),
    counts: wire !== 'untouched',
    retires,
    failure: failureOf(error),
  };
  const next = error.retriable || retires ? 'retry' : 'give_up';
  if (wire === 'untouched') return { ...judgement, next };
  if (wire === 'unknown') {
    // An unstamped batch that was appended would certainly be written twice.
    return { ...judgement, next: appendedNames.has(kafkaName) && !isStamped ? 'give_up' : next };
  }
  return { ...judgement, next: splitNames.has(kafkaName) ? 'split' : next };
}

/** The failure that a Kafka error means for a record that was certainly not written. */
export function failureOf(error: KafkaError): Failure {
  const { kafkaName } = error;
  switch (kafkaName) {
    case 'MESSAGE_TOO_LARGE':
    case 'RECORD_LIST_TOO_LARGE':
      return rejected('RECORD_TOO_LARGE', 'The record is larger than the topic allows.', kafkaName);
    case 'INVALID_RECORD':
      return rejected(
        'KEY_INVALID',
        'The brokers refuse the record: a compacted topic takes only records with a key.',
        kafkaName,
      );
    case 'INVALID_TOPIC_EXCEPTION':
      return rejected('TOPIC_INVALID', 'The topic name is not legal.', kafkaName);
    case 'TOPIC_AUTHORIZATION_FAILED':
    case 'CLUSTER_AUTHORIZATION_FAILED':
      return notSent('TOPIC_AUTHORIZATION_FAILED', 'Kafka does not allow writing to the topic.', kafkaName);
    case 'UNKNOWN_TOPIC_OR_PARTITION':
    case 'UNKNOWN_TOPIC_ID':
    case 'INCONSISTENT_TOPIC_ID':
      return notSent('TOPIC_NOT_FOUND', 'The topic does not exist.', kafkaName);
    case 'NOT_ENOUGH_REPLICAS':
    case 'NOT_ENOUGH_REPLICAS_AFTER_APPEND':
      return notSent(
        'NOT_ENOUGH_REPLICAS',
        'The partition has fewer replicas in sync than the topic demands.',
        kafkaName,
      );
    case 'AUTHENTICATION_FAILED':
      return notSent('KAFKA_UNAVAILABLE', 'The brokers refused the login.', kafkaName);
    case 'ENCODING_FAILED':
    case 'INVALID_RESPONSE':
      return notSent('INTERNAL', 'The batch could not be exchanged with the broker.', kafkaName);
    default:
      return error.retriable || kafkaName === 'CLOSED'
        ? notSent('KAFKA_UNAVAILABLE', 'The brokers could not take the record in time.', kafkaName)
        : notSent('INTERNAL', `The broker answered ${kafkaName}.`, kafkaName);
  }
}

export const partitionInvalid = rejected(
  'PARTITION_INVALID',
  'The topic has no partition with the number that the request chose.',
  null,
);
/** Returns the failure of a record whose own timestamp the topic does not take. */
export function timestampInvalid(kafkaName: string | null): Failure {
  return rejected('TIMESTAMP_INVALID', "The record's timestamp is outside of what the topic takes.", kafkaName);
}

export const deadlineBeforeWire: Failure = notSent(
  'KAFKA_UNAVAILABLE',
  'The record could not be handed to the brokers within its delivery time-out; it was dropped.',
  null,
);
export const shuttingDown: Failure = notSent('SHUTTING_DOWN', 'The node is shutting down.', null);
/** The failure of a record that is held back, so that those of its request stand in the partition as a prefix. */
export const predecessorFailed: Failure = notSent(
  'PREDECESSOR_FAILED',
  'A record before it in the request and its partition was not confirmed; this one was not sent.',
  null,
);
export const producerOverloaded: Failure = notSent(
  'PRODUCER_OVERLOADED',
  'The queue of records to Kafka is full.',
  null,
);
/** Returns the failure of a record that is larger than the whole queue. `setting` names the bound. */
export function largerThanQueue(limitBytes: number, setting: string): Failure {
  const message = `The record is larger than the ${limitBytes} bytes of records that may wait for Kafka (${setting}).`;
  return withLimit(rejected('RECORD_TOO_LARGE', message, null), limitBytes);
}

/** Returns the failure of a request with more records than the queue takes. */
export function moreThanQueue(limitRecords: number): Failure {
  const setting = 'producer_async_buffering_limits_messages_in_memory';
  const message = `The request makes more than the ${limitRecords} records that may wait for Kafka (${setting}).`;
  return { ...rejected('BODY_TOO_LARGE', message, null), details: [{ limit: limitRecords, unit: 'records' }] };
}

/** Returns the failure of a request whose records together are larger than the whole queue. */
export function requestLargerThanQueue(limitBytes: number, setting: string): Failure {
  const message = `The records of the request are larger than the ${limitBytes} bytes that may wait for Kafka (${setting}).`;
  return withLimit(rejected('BODY_TOO_LARGE', message, null), limitBytes);
}

/** Returns the failure of a record that is larger than a batch may be. */
export function largerThanBatch(limitBytes: number, what: string): Failure {
  return withLimit(rejected('RECORD_TOO_LARGE', `The record is larger than ${what} allows.`, null), limitBytes);
}

/** Names the limit that was passed; null: it is not known. */
export function withLimit(failure: Failure, limitBytes: number | null): Failure {
  return limitBytes === null ? failure : { ...failure, details: [{ limit: limitBytes, unit: 'bytes' }] };
}

export const nodeOverloaded: Failure = notSent(
  'PRODUCER_OVERLOADED',
  "The node's memory for records to Kafka is full.",
  null,
);
export const loginRefused: Failure = notSent(
  'KAFKA_UNAVAILABLE',
  'The brokers refused the login.',
  'AUTHENTICATION_FAILED',
);

export const gateClosed: Failure = notSent(
  'KAFKA_UNAVAILABLE',
  'The Kafka cluster is known to fail; the record was not queued.',
  null,
);

/** Says whether a record was lost because the cluster fails, not because of the record or its topic. */
export function blamesCluster({ code }: FailedVerdict): boolean {
  return code === 'KAFKA_UNAVAILABLE' || code === 'DELIVERY_UNKNOWN';
}

const topicRefusals = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'INVALID_TOPIC_EXCEPTION',
]);

/** Says whether the brokers answered that the topic cannot be written to. The cluster itself is well then. */
export function isTopicRefusal(error: unknown): error is KafkaError {
  return error instanceof KafkaError && error.wire === 'verdict' && topicRefusals.has(error.kafkaName);
}

const connectionNames = new Set(['CONNECTION_FAILED', 'TIMED_OUT', 'CLOSED', 'AUTHENTICATION_FAILED']);

/** Says whether the request failed with its connection, without an answer. */
export function isConnectionFailure(error: unknown): boolean {
  return error instanceof KafkaError && connectionNames.has(error.kafkaName);
}

/** The verdict on one entry. Whatever the failure says, an entry that may have been written is unknown. */
export function failedVerdict(topic: string, entry: Entry, failure: Failure): FailedVerdict {
  if (entry.mayBeWritten) return unknownVerdict(topic, failure);
  // A record without a timestamp of its own bears that of the node: the client cannot mend it.
  const isOwnTime = failure.kafkaName === 'INVALID_TIMESTAMP' && entry.record.timestampMs !== undefined;
  return verdictOf(topic, isOwnTime ? timestampInvalid(failure.kafkaName) : failure);
}

export function verdictOf(topic: string, failure: Failure): FailedVerdict {
  return { topic, ...failure };
}

function unknownVerdict(topic: string, { code, kafkaName }: Failure): FailedVerdict {
  return {
    outcome: 'unknown',
    topic,
    code: code === 'NOT_ENOUGH_REPLICAS' ? code : 'DELIVERY_UNKNOWN',
    message: 'The record was sent and no verdict came: it may have been written.',
    kafkaName,
  };
}

function rejected(code: ErrorCode, message: string, kafkaName: string | null): Failure {
  return { code, outcome: 'rejected', message, kafkaName };
}

function notSent(code: ErrorCode, message: string, kafkaName: string | null): Failure {
  return { code, outcome: 'not_sent', message, kafkaName };
}
