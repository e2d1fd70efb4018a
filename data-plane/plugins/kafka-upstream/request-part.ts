import type { RecordHeader } from '../../kafka/kafka-client.ts';
import type { BodyJson } from './body-json.ts';

/** The part of a CloudEvent that is no data. */
export interface EventPart {
  readonly headers: readonly RecordHeader[];
  /** The key where the configuration names no source of it. */
  readonly key: string | null;
  /** False: the event has no data, and its record a null value. */
  readonly hasValue: boolean;
}

/** What one record is made of: a whole body, an element of it, or an event. */
export interface RequestPart {
  /** The bytes that become the value. */
  readonly body: Buffer;
  /** Null where no part of the record comes from it. */
  readonly json: BodyJson | null;
  /** Null: no CloudEvent. */
  readonly event: EventPart | null;
}
