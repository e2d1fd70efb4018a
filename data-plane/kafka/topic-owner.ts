import type { Entry } from './entry.ts';
import type { KafkaError } from './kafka-error.ts';
import type { LaneProducer } from './lane-owner.ts';
import type { Failure } from './produce-failure.ts';

/** The producer of a topic, which settles its records. */
export interface TopicOwner<Topic> extends LaneProducer {
  /** The cluster's name. */
  readonly label: string;
  /** Returns the label of a topic that a request named and the brokers know. */
  labelOf(topic: string): string;
  acked(topic: Topic, entries: readonly Entry[], partition: number, baseOffset: bigint | null): void;
  failed(topic: Topic, entries: readonly Entry[], failure: Failure): void;
  late(entries: number, acked: boolean): void;
  sent(topic: Topic, entries: readonly Entry[]): void;
  /** Says that a request for these partitions has ended; `error` holds for all of it. */
  answered(topic: Topic, partitions: () => readonly number[], error: KafkaError | null, tookMs: number): void;
  /** Says that a batch brought no success. */
  attemptFailed(error: KafkaError): void;
  /** Asks for a flush of the topic in this turn of the event loop. */
  markDirty(topic: Topic): void;
}
