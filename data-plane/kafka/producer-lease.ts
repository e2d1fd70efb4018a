import type { Outcome } from '../../shared/errors.ts';
import type { RecordFault } from './check-group.ts';
import type { GroupVerdicts } from './group-verdicts.ts';
import type { KafkaRecord } from './kafka-client.ts';
import type { FailedVerdict, GroupRecord, RecordPlace, Verdict } from './producer-types.ts';

/** A plugin instance's share in a producer. */
export interface ProducerLease {
  /**
   * Queues the record and resolves with its result by the deadline (monotonic ms), whatever Kafka does.
   * Never rejects. A record not on the wire by the deadline is dropped and never written.
   */
  readonly publish: (topic: string, record: KafkaRecord, deadlineMs: number) => Promise<Verdict>;
  /** Async mode: resolves at once with `accepted`, or with the reason why it was not queued. */
  readonly enqueue: (topic: string, record: KafkaRecord, deadlineMs: number) => Verdict;
  /**
   * Checks a partition and a timestamp of the request's choice before the record is published. Null: nothing speaks
   * against them, as far as the brokers tell by the deadline (monotonic ms). Never rejects.
   */
  readonly checkPlace: (topic: string, place: RecordPlace, deadlineMs: number) => Promise<FailedVerdict | null>;
  /**
   * Queues the records of one request, all or none, and resolves with their verdicts by the deadline (monotonic ms).
   * In each partition they are written as a prefix: none is sent behind one that was not acked. Never rejects.
   */
  readonly publishAll: (records: readonly GroupRecord[], deadlineMs: number) => Promise<GroupVerdicts | FailedVerdict>;
  /** Async mode: resolves once all records are queued; else with the reason why none is. */
  readonly enqueueAll: (records: readonly GroupRecord[], deadlineMs: number) => Promise<FailedVerdict | null>;
  /**
   * Checks sizes, partitions and timestamps of the records of one request before any is queued. What the brokers do not tell
   * by the deadline (monotonic ms) speaks against none. Never rejects.
   */
  readonly checkAll: (records: readonly GroupRecord[], deadlineMs: number) => Promise<readonly RecordFault[]>;
  /** Counts records that were refused before they were published. */
  readonly countRefused: (topic: string, outcome: Outcome, count?: number) => void;
  /** Returns the partition that a record's key or its own choice leads to; null where any may take it or the topic is not known. */
  readonly partitionOf: (topic: string, record: KafkaRecord) => number | null;
  /** Call it after the last publish. The producer closes when its last lease is released. */
  readonly release: () => void;
}
