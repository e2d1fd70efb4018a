import type { ErrorCode, ErrorDetail } from '../../shared/errors.ts';
import type { KafkaRecord } from './kafka-client.ts';

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

export type Sasl =
  | { readonly mechanism: 'PLAIN'; readonly username: string; readonly password: string }
  | {
      readonly mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
      readonly username: string;
      readonly password: string;
      /** Username and password are a delegation token's id and HMAC. */
      readonly tokenauth: boolean;
    }
  | {
      readonly mechanism: 'OAUTHBEARER';
      readonly tokenEndpointUrl: string;
      readonly tokenEndpointTlsVerify: boolean;
      readonly clientId: string;
      readonly clientSecret: string;
      readonly scopes: readonly string[];
      readonly extensions: Readonly<Record<string, string>>;
    };

export interface Tls {
  readonly verify: boolean;
  /** PEM; null: the system's. */
  readonly ca: string | null;
  readonly certificate: string | null;
  readonly key: string | null;
}

/** The settings that connections depend on. Each process has one logical producer per hash of them. */
export interface ClusterSettings {
  readonly bootstrapServers: readonly { readonly host: string; readonly port: number }[];
  readonly connectTimeoutMs: number;
  /** Time limit of the broker for one Produce request. */
  readonly requestTimeoutMs: number;
  readonly acks: -1 | 0 | 1;
  readonly compression: Compression;
  readonly idempotent: boolean;
  readonly partitioner: 'murmur2' | 'crc32';
  readonly sasl: Sasl | null;
  readonly tls: Tls | null;
}

/** The bootstrap servers, for logs and status. */
export function brokersText({ bootstrapServers }: ClusterSettings): string {
  return bootstrapServers.map(({ host, port }) => `${host}:${port}`).join(',');
}

/** Bounds of one producer. Where plugins share one, `LeasedLimits` says whose rule. */
export interface ProducerLimits {
  readonly batchRecordsMax: number;
  readonly batchBytesMax: number;
  readonly lingerMs: number;
  readonly queueRecordsMax: number;
  readonly queueBytesMax: number;
  readonly attemptsMax: number;
  readonly retryBackoffMs: number;
}

/** Thresholds for refusing async records at once while the cluster fails. */
export interface HealthSettings {
  /** Failures in a row that close the gate. */
  readonly failureThreshold: number;
  readonly probeIntervalMs: number;
  /** Successes in a row that open it again. */
  readonly recoveryThreshold: number;
}

export interface ProducerOptions {
  readonly cluster: ClusterSettings;
  readonly limits: ProducerLimits;
  /** Returns the cluster's name for logs, metrics and status. It depends on the whole configuration. */
  readonly label: () => string;
  /** Topics that the configuration names. They are looked up at once, and have a label of their own in metrics. */
  readonly topics: readonly string[];
  /** Gates `enqueue` of this lease; nothing: no gate. */
  readonly health?: HealthSettings | null;
}

export interface ClusterStatus {
  readonly name: string;
  readonly brokers: string;
  /** connecting: not reached yet. */
  readonly state: 'connecting' | 'connected' | 'failing';
  /** The reason of the failure, without a secret. */
  readonly error: string | null;
}

/** The partition and the timestamp that a request chose for its record. */
export type RecordPlace = Pick<KafkaRecord, 'partition' | 'timestampMs'>;

/** One of the records of a request that are published together. */
export interface GroupRecord {
  readonly topic: string;
  readonly record: KafkaRecord;
  /** As `recordBytes` counts them. */
  readonly bytes: number;
}

/** The result of one record. */
export type Verdict =
  | { readonly outcome: 'acked'; readonly topic: string; readonly partition: number; readonly offset: string }
  | { readonly outcome: 'accepted'; readonly topic: string }
  | FailedVerdict;

export interface FailedVerdict {
  readonly outcome: 'rejected' | 'not_sent' | 'unknown';
  readonly topic: string;
  readonly code: ErrorCode;
  /** One sentence; holds no secret. */
  readonly message: string;
  /** Kafka's error name, where there is one. */
  readonly kafkaName: string | null;
  readonly details?: readonly ErrorDetail[];
}
