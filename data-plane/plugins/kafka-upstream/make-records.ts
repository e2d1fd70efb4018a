import type { KafkaRecord, RecordHeader } from '../../kafka/kafka-client.ts';
import type { Exchange } from '../../plugin-api/exchange.ts';
import type { PreparedRecord, PrepareRecords } from './prepare-records.ts';
import { noExtras, type Extras, type ExtrasOf } from './record-extras.ts';
import type { EventPart, RequestPart } from './request-part.ts';

/** The records of one part, one for each of its topics. */
export interface MadeRecords {
  readonly prepared: readonly PreparedRecord[];
  readonly extras: Extras;
}

/** Makes the records of a part. Returns a promise only where something is not ready. @throws RequestError */
export type MakeRecords = (
  exchange: Exchange,
  part: RequestPart,
  topics: readonly string[],
  deadlineMs: number,
) => MadeRecords | Promise<MadeRecords>;

/** Puts together what a configuration makes of a part. A whole body and an element of many go the same way. */
export function compileMakeRecords(prepare: PrepareRecords, extrasOf: ExtrasOf | null): MakeRecords {
  return (exchange, part, topics, deadlineMs) => {
    // First, because it may throw while nobody has yet taken the promise of the rest.
    const chosen = extrasOf === null ? noExtras : extrasOf(exchange, part.json);
    const extras = part.event === null ? chosen : withEvent(chosen, part.event);
    const prepared = prepare(exchange, part, topics, deadlineMs);
    return prepared instanceof Promise ? prepared.then((ready) => ({ prepared: ready, extras })) : { prepared, extras };
  };
}

/** Adds the headers of an event, which no other header may overwrite. */
function withEvent({ place, headers }: Extras, event: EventPart): Extras {
  const owned = new Set(event.headers.map(({ name }) => name));
  return { place, headers: [...event.headers, ...headers.filter(({ name }) => !owned.has(name))], owned };
}

/** Returns the record with the headers that it has in common with others, and its own. */
export function recordOf(prepared: PreparedRecord, common: readonly RecordHeader[], extras: Extras): KafkaRecord {
  const { key, value } = prepared;
  if (extras === noExtras) return { key, value, headers: common };
  return { key, value, headers: headersOf(prepared, common, extras), ...extras.place };
}

function headersOf(
  { contentType }: PreparedRecord,
  common: readonly RecordHeader[],
  { headers, owned }: Extras,
): readonly RecordHeader[] {
  if (headers.length === 0) return common;
  if (owned === null) return [...common, ...headers];
  const others = common.filter(({ name }) => !owned.has(name.toLowerCase()));
  if (contentType === undefined) return [...others, ...headers];
  const kept = [...others, ...headers].filter(({ name }) => name.toLowerCase() !== 'content-type');
  return [...kept, { name: 'content-type', value: contentType }];
}
