interface KafkaErrorCode {
  readonly name: string;
  readonly retriable: boolean;
}

/**
 * Kafka's error codes that Produce, Metadata and InitProducerId can answer, with Kafka's own classification (its protocol guide,
 * "Error Codes"). A list of our own because the one in kafkajs ends before INVALID_RECORD and loading
 * @platformatic/kafka only for its list costs every start.
 */
const codes = new Map<number, KafkaErrorCode>([
  [-1, { name: 'UNKNOWN_SERVER_ERROR', retriable: false }],
  [2, { name: 'CORRUPT_MESSAGE', retriable: true }],
  [3, { name: 'UNKNOWN_TOPIC_OR_PARTITION', retriable: true }],
  [5, { name: 'LEADER_NOT_AVAILABLE', retriable: true }],
  [6, { name: 'NOT_LEADER_OR_FOLLOWER', retriable: true }],
  [7, { name: 'REQUEST_TIMED_OUT', retriable: true }],
  [8, { name: 'BROKER_NOT_AVAILABLE', retriable: true }],
  [9, { name: 'REPLICA_NOT_AVAILABLE', retriable: true }],
  [10, { name: 'MESSAGE_TOO_LARGE', retriable: false }],
  [13, { name: 'NETWORK_EXCEPTION', retriable: true }],
  [14, { name: 'COORDINATOR_LOAD_IN_PROGRESS', retriable: true }],
  [15, { name: 'COORDINATOR_NOT_AVAILABLE', retriable: true }],
  [16, { name: 'NOT_COORDINATOR', retriable: true }],
  [17, { name: 'INVALID_TOPIC_EXCEPTION', retriable: false }],
  [18, { name: 'RECORD_LIST_TOO_LARGE', retriable: false }],
  [19, { name: 'NOT_ENOUGH_REPLICAS', retriable: true }],
  [20, { name: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', retriable: true }],
  [21, { name: 'INVALID_REQUIRED_ACKS', retriable: false }],
  [29, { name: 'TOPIC_AUTHORIZATION_FAILED', retriable: false }],
  [31, { name: 'CLUSTER_AUTHORIZATION_FAILED', retriable: false }],
  [32, { name: 'INVALID_TIMESTAMP', retriable: false }],
  [33, { name: 'UNSUPPORTED_SASL_MECHANISM', retriable: false }],
  [34, { name: 'ILLEGAL_SASL_STATE', retriable: false }],
  [35, { name: 'UNSUPPORTED_VERSION', retriable: false }],
  [41, { name: 'NOT_CONTROLLER', retriable: true }],
  [42, { name: 'INVALID_REQUEST', retriable: false }],
  [43, { name: 'UNSUPPORTED_FOR_MESSAGE_FORMAT', retriable: false }],
  [44, { name: 'POLICY_VIOLATION', retriable: false }],
  [45, { name: 'OUT_OF_ORDER_SEQUENCE_NUMBER', retriable: false }],
  [46, { name: 'DUPLICATE_SEQUENCE_NUMBER', retriable: false }],
  [47, { name: 'INVALID_PRODUCER_EPOCH', retriable: false }],
  [56, { name: 'KAFKA_STORAGE_ERROR', retriable: true }],
  [58, { name: 'SASL_AUTHENTICATION_FAILED', retriable: false }],
  [59, { name: 'UNKNOWN_PRODUCER_ID', retriable: false }],
  [72, { name: 'LISTENER_NOT_FOUND', retriable: true }],
  [74, { name: 'FENCED_LEADER_EPOCH', retriable: true }],
  [75, { name: 'UNKNOWN_LEADER_EPOCH', retriable: true }],
  [76, { name: 'UNSUPPORTED_COMPRESSION_TYPE', retriable: false }],
  [87, { name: 'INVALID_RECORD', retriable: false }],
  [89, { name: 'THROTTLING_QUOTA_EXCEEDED', retriable: true }],
  [100, { name: 'UNKNOWN_TOPIC_ID', retriable: true }],
  [103, { name: 'INCONSISTENT_TOPIC_ID', retriable: true }],
]);

/** Name and class of a code; an unknown one is named by its number and counts as final. */
export function kafkaErrorCode(code: number): KafkaErrorCode {
  return codes.get(code) ?? { name: `KAFKA_ERROR_${code}`, retriable: false };
}
