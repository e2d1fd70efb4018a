import type { KafkaRecord } from '../kafka/kafka-client.ts';

/** A record that a trial would have sent. */
export interface TrialRecord {
  readonly topic: string;
  readonly record: KafkaRecord;
  /** The partition that the record's key leads to; null where there is no key or the topic is not known. */
  readonly partition: number | null;
  /** `CLUSTER`: its name. */
  readonly cluster: string;
}

/** Collects what a request would have done. An exchange that has one belongs to a trial: nothing is sent or counted. */
export interface Trial {
  note(record: TrialRecord): void;
}
