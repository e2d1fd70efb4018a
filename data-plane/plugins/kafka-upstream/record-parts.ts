import type { ProducerLease } from '../../kafka/producer-lease.ts';
import type { Exchange } from '../../plugin-api/exchange.ts';
import type { MakeRecords } from './make-records.ts';
import type { RecordHeadersOf } from './record-headers.ts';
import type { TopicsOf } from './record-topics.ts';
import type { RequestPart } from './request-part.ts';

/** What a configuration compiles to, for requests of one record and of many alike. */
export interface RecordParts {
  readonly producer: ProducerLease;
  /** Reads the whole body and undoes its content encoding. */
  readonly readBody: (exchange: Exchange) => Promise<Buffer>;
  /** Reads what the record of a whole body is made of. @throws RequestError */
  readonly partOf: (exchange: Exchange, body: Buffer) => RequestPart | Promise<RequestPart>;
  /** Reads what the record of one element is made of: its JSON text. @throws RequestError */
  readonly elementOf: (bytes: Buffer) => RequestPart;
  readonly topicsOf: TopicsOf;
  /** A part of the topic's name comes from the JSON too. */
  readonly topicFromBody: boolean;
  readonly make: MakeRecords;
  readonly headersOf: RecordHeadersOf;
}
