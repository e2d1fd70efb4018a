import {
  array,
  boolean,
  element,
  integer,
  map,
  record,
  set,
  string,
  type FieldFault,
  type InferFields,
  type RecordCheck,
} from '../schema/field.ts';
import { recordCheck } from './record-checks.ts';

/** Node keeps timers and Kafka keeps timeouts in 32 bits. */
const intMax = 2_147_483_647;

const authenticationFields = {
  strategy: string({ oneOf: ['sasl'], description: 'How to log in to the brokers; nothing: no login.' }),
  mechanism: string({
    oneOf: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'],
    description: 'The SASL mechanism. PLAIN and SCRAM need user and password, OAUTHBEARER needs oauthbearer.',
  }),
  tokenauth: boolean({
    description:
      'User and password are the id and the HMAC of a delegation token. The extension is sent only when true.',
  }),
  user: string({ referenceable: true, description: 'User name, or the id of a delegation token.' }),
  password: string({
    encrypted: true,
    referenceable: true,
    description: 'Password, or the HMAC of a delegation token.',
  }),
  oauthbearer: record(
    {
      token_endpoint_url: string({ required: true, check: httpUrl, description: 'Where tokens are fetched.' }),
      client_id: string({ required: true, referenceable: true }),
      client_secret: string({ required: true, encrypted: true, referenceable: true }),
      scopes: array(string(element), { default: [] }),
      extensions: map(string(element), string(element), {
        default: {},
        description: 'SASL extensions that are sent along with the token.',
      }),
      token_endpoint_tls_verify: boolean({
        default: true,
        description: "Whether the token endpoint's certificate must be good.",
      }),
    },
    { description: 'Tokens by the client_credentials grant, kept until shortly before they expire.' },
  ),
};

const securityFields = {
  certificate_id: string({
    uuid: true,
    refersTo: 'certificates',
    description: 'A certificate that is the client certificate. Needs ssl.',
  }),
  ca_certificate_id: string({
    uuid: true,
    refersTo: 'ca_certificates',
    description: "Trust this CA certificate instead of the system's.",
  }),
  ssl: boolean({ default: false, description: 'TLS to the brokers.' }),
  ssl_verify: boolean({ default: true, description: "Whether the brokers' certificates must be good." }),
};

/** Connection and producer, as every Kafka plugin has them. */
export const kafkaFields = {
  bootstrap_servers: set(
    record(
      {
        host: string({ required: true, lenMin: 1, check: hostName }),
        port: integer({ required: true, between: [0, 65535] }),
      },
      element,
    ),
    {
      required: true,
      lenMin: 1,
      requiredToUnderstand: true,
      missingHint: 'add the brokers to ask first, as [{host: kafka.example, port: 9092}]',
      description: 'The brokers to ask first.',
    },
  ),
  cluster_name: string({
    auto: true,
    description:
      'A label for logs and metrics. Producers are shared by equal connection settings, whatever their names are.',
  }),
  timeout: integer({
    default: 10_000,
    between: [1, intMax],
    description: 'How long connecting to a broker may take (ms).',
  }),
  keepalive: integer({
    default: 60_000,
    between: [0, intMax],
    description: 'Accepted without effect: connections to brokers are kept open in any case.',
  }),
  keepalive_enabled: boolean({
    default: false,
    description: 'Accepted without effect: connections to brokers are kept open in any case.',
  }),
  authentication: record(authenticationFields, {
    required: true,
    checks: [recordCheck(authenticationFields, checkAuthentication)],
  }),
  security: record(securityFields, {
    // Without it records would go to brokers in the clear, or to whoever answers there.
    requiredToUnderstand: true,
    required: true,
    checks: [recordCheck(securityFields, checkSecurity)],
  }),
  producer_request_acks: integer({
    default: -1,
    oneOf: [-1, 0, 1],
    description:
      'Which brokers must have the record before the answer: -1 all in-sync replicas, 1 the leader, 0 none (the answer then says accepted, not acked).',
  }),
  producer_request_timeout: integer({
    default: 2_000,
    between: [1, intMax],
    description: 'How long a broker may take for one request (ms).',
  }),
  producer_request_limits_messages_per_request: integer({
    default: 200,
    between: [1, intMax],
    description: 'Records of one batch. Where plugins share a producer, the smallest rules.',
  }),
  producer_request_limits_bytes_per_request: integer({
    default: 1_048_576,
    between: [1, intMax],
    description:
      'Bytes of one batch. A larger record travels alone. Where plugins share a producer, the smallest rules.',
  }),
  producer_request_retries_max_attempts: integer({
    default: 10,
    between: [0, intMax],
    description:
      'How often a batch is sent again after attempts without an answer: each may write it once more. What the brokers refuse for now is tried again until the delivery deadline. 0: nothing is tried again.',
  }),
  producer_request_retries_backoff_timeout: integer({
    default: 100,
    between: [0, intMax],
    description: 'Wait before a batch is tried again (ms). It doubles while attempts fail, up to 1 s.',
  }),
  delivery_timeout: integer({
    default: 10_000,
    between: [1, intMax],
    description:
      'From the arrival of a request to its answer (ms). A record that is not on the wire by then is dropped and never written later.',
  }),
  producer_async: boolean({
    default: false,
    description: 'Answer 200 (accepted) once the record is queued in memory, before the brokers have it.',
  }),
  producer_async_flush_timeout: integer({
    default: 1_000,
    between: [1, intMax],
    description: 'The longest wait for a batch to fill in async mode (ms).',
  }),
  producer_async_buffering_limits_messages_in_memory: integer({
    default: 50_000,
    between: [1, intMax],
    description: "Records in the producer's queue, in both modes.",
  }),
  producer_async_buffering_limits_bytes_in_memory: integer({
    default: 67_108_864,
    between: [1, Number.MAX_SAFE_INTEGER],
    description: "Bytes in the producer's queue, in both modes.",
  }),
  producer_linger: integer({
    default: 0,
    between: [0, intMax],
    description: 'Extra wait to fill a batch (ms). Concurrent requests share batches without it.',
  }),
  producer_idempotent: boolean({
    default: false,
    description: 'Number the records so that brokers drop repeats. Needs producer_request_acks -1.',
  }),
  partitioner: string({
    requiredToUnderstand: true,
    default: 'murmur2',
    oneOf: ['murmur2', 'crc32'],
    description: "How a key chooses its partition: murmur2 is the Java client's.",
  }),
  compression_type: string({
    default: 'none',
    oneOf: ['none', 'gzip', 'snappy', 'lz4', 'zstd'],
    description: 'Compression of whole batches.',
  }),
  new_kafka_async_producer: boolean({ description: 'Accepted without effect.' }),
  producer_async_health_gating: boolean({
    default: false,
    description: 'In async mode, answer 503 at once while the cluster is known to fail.',
  }),
  producer_async_health_failure_threshold: integer({
    default: 3,
    between: [1, 100],
    description: 'Failures in a row (a connection that fails, accepted records that are lost) that count as failing.',
  }),
  producer_async_health_probe_interval: integer({
    default: 5_000,
    between: [100, 600_000],
    description: 'How often a failing cluster is asked for a sign of life (ms).',
  }),
  producer_async_health_recovery_threshold: integer({
    default: 1,
    between: [1, 100],
    description: 'Successes in a row after which records are taken again.',
  }),
};

export type KafkaConfig = InferFields<typeof kafkaFields>;

/** Checks of the record that holds `kafkaFields`. */
export const kafkaChecks: readonly RecordCheck[] = [recordCheck(kafkaFields, checkIdempotence)];

/** A topic name that Kafka accepts. */
export function topicName(value: string): string | undefined {
  if (/^[a-zA-Z0-9._-]{1,249}$/.test(value) && value !== '.' && value !== '..') return undefined;
  return "not a topic name: 1 to 249 of letters, digits, '.', '_' and '-'";
}

export function httpUrl(value: string): string | undefined {
  if (!/^https?:\/\//i.test(value) || !URL.canParse(value)) return 'expected an http or https URL';
  const { username, password } = new URL(value);
  // URLs are shown in logs and to readers without secrets.
  return username === '' && password === '' ? undefined : 'must not hold a user name or a password';
}

function hostName(value: string): string | undefined {
  if (/^[a-zA-Z0-9._-]{1,253}$/.test(value) || /^\[?[0-9a-fA-F:.]+\]?$/.test(value)) return undefined;
  return 'expected a host name or an IP address';
}

function checkAuthentication(authentication: InferFields<typeof authenticationFields>): FieldFault[] {
  const { strategy, mechanism, tokenauth, user, password, oauthbearer } = authentication;
  const faults: FieldFault[] = [];
  const missing = (name: string): void => void faults.push({ path: [name], message: 'required field missing' });
  if (strategy === null && mechanism !== null) missing('strategy');
  if (strategy !== null && mechanism === null) missing('mechanism');
  if (mechanism === 'OAUTHBEARER') {
    if (oauthbearer === null) missing('oauthbearer');
  } else if (mechanism !== null) {
    if (user === null) missing('user');
    if (password === null) missing('password');
  }
  if (tokenauth === true && (mechanism === null || !mechanism.startsWith('SCRAM-'))) {
    faults.push({ path: ['tokenauth'], message: 'needs a SCRAM mechanism' });
  }
  return faults;
}

function checkIdempotence(config: InferFields<typeof kafkaFields>): FieldFault[] {
  if (!config.producer_idempotent || config.producer_request_acks === -1) return [];
  return [{ path: ['producer_idempotent'], message: 'needs producer_request_acks -1' }];
}

function checkSecurity({ ssl, certificate_id, ca_certificate_id }: InferFields<typeof securityFields>): FieldFault[] {
  if (ssl) return [];
  const faults: FieldFault[] = [];
  if (certificate_id !== null) faults.push({ path: ['certificate_id'], message: 'needs ssl' });
  if (ca_certificate_id !== null) faults.push({ path: ['ca_certificate_id'], message: 'needs ssl' });
  return faults;
}
