import type { Entry } from './entry.ts';
import type { KafkaClient } from './kafka-client.ts';
import type { KafkaError } from './kafka-error.ts';
import type { Failure } from './produce-failure.ts';
import type { ProducerLimits } from './producer-types.ts';

/** The part of a producer that its lanes use. */
export interface LaneProducer {
  readonly client: KafkaClient;
  readonly requestTimeoutMs: number;
  readonly idempotent: boolean;
  limits(): ProducerLimits;
  /** Flushes the producer's topics at this time (monotonic ms) at the latest. */
  wakeAt(monotonicMs: number): void;
}

/** The topic that a lane belongs to. It is told the results of the lane's records. */
export interface LaneTopic {
  readonly name: string;
  acked(partition: number, entries: readonly Entry[], baseOffset: bigint | null): void;
  failed(entries: readonly Entry[], failure: Failure): void;
  /** Says that a verdict came for entries that had been answered `unknown` at their deadline. */
  late(entries: number, acked: boolean): void;
  /** Says that the lane has its producer id. */
  ready(): void;
  /** Says that the brokers refuse a producer id. */
  refused(error: KafkaError): void;
}

/** The failure of a batch in flight. */
export interface BatchFailure {
  readonly error: KafkaError;
  /** The leader has to be found anew. */
  readonly refresh: boolean;
  /** The id of the topic that the request named. */
  readonly topicId: string | null;
}
