import { RequestError } from '../../../shared/errors.ts';
import { makesElements, type KafkaUpstreamConfig } from '../../../shared/plugin-schemas/kafka-upstream.ts';
import type { RecordHeader } from '../../kafka/kafka-client.ts';
import type { ProducerLease } from '../../kafka/producer-lease.ts';
import type { RecordPlace } from '../../kafka/producer-types.ts';
import type { Exchange } from '../../plugin-api/exchange.ts';
import type { BodyJson } from './body-json.ts';
import { compileBodyHeaders } from './body-headers.ts';
import { compilePlace } from './record-place.ts';
import { topicNeedsBody } from './record-topics.ts';

/** The parts of a request's records that few configurations have. */
export interface Extras {
  readonly place: RecordPlace;
  /** They stand behind those that come from request headers. */
  readonly headers: readonly RecordHeader[];
  /** Names of headers that take the place of those of the request; null: none. */
  readonly owned: ReadonlySet<string> | null;
}

export const noExtras: Extras = { place: {}, headers: [], owned: null };

/** Makes the extras of a request, or of an element of its body. @throws RequestError */
export type ExtrasOf = (exchange: Exchange, json: BodyJson | null) => Extras;

/** Says whether a part of the record comes from the body. */
export function readsBodyJson(config: KafkaUpstreamConfig): boolean {
  const { key_from, partition_from, timestamp_from, value_from, headers_from } = config;
  const sources = [key_from, partition_from, timestamp_from, value_from, headers_from];
  // The envelope of an element shows its JSON.
  const isShown = makesElements(config) && config.record_value !== 'body';
  return isShown || sources.some((source) => source !== null && source.body_pointer !== null) || topicNeedsBody(config);
}

/** Compiles the extras; null where the configuration asks for none. */
export function compileExtras(config: KafkaUpstreamConfig): ExtrasOf | null {
  const placeOf = compilePlace(config);
  const headersOf = config.headers_from === null ? null : compileBodyHeaders(config.headers_from.body_pointer);
  if (placeOf === null && headersOf === null) return null;
  return (exchange, json) => ({
    headers: headersOf?.(json) ?? [],
    place: placeOf?.(exchange, json) ?? {},
    owned: null,
  });
}

/** Checks the place that a request chose for its record. @throws (rejects) RequestError when a topic takes no such record */
export async function checkPlaces(
  producer: ProducerLease,
  topics: readonly string[],
  place: RecordPlace,
  deadlineMs: number,
): Promise<void> {
  if (place.partition === undefined && place.timestampMs === undefined) return;
  const verdicts = await Promise.all(topics.map((topic) => producer.checkPlace(topic, place, deadlineMs)));
  for (const verdict of verdicts) {
    if (verdict !== null) throw new RequestError(verdict.code, verdict.message, { topic: verdict.topic });
  }
}
