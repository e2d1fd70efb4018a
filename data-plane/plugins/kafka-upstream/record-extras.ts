import { RequestError } from '../../../shared/errors.ts';
import type { KafkaUpstreamConfig } from '../../../shared/plugin-schemas/kafka-upstream.ts';
import type { RecordHeader } from '../../kafka/kafka-client.ts';
import type { ProducerLease, RecordPlace } from '../../kafka/producer-types.ts';
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
}

export const noExtras: Extras = { place: {}, headers: [] };

/** Makes the extras of a request and checks them. @throws (rejects) RequestError */
export type ExtrasOf = (
  exchange: Exchange,
  json: BodyJson | null,
  topics: readonly string[],
  deadlineMs: number,
) => Promise<Extras>;

/** Says whether a part of the record comes from the body. */
export function readsBodyJson(config: KafkaUpstreamConfig): boolean {
  const { key_from, partition_from, timestamp_from, value_from, headers_from } = config;
  const sources = [key_from, partition_from, timestamp_from, value_from, headers_from];
  return sources.some((source) => source !== null && source.body_pointer !== null) || topicNeedsBody(config);
}

/** Compiles the extras; null where the configuration asks for none. */
export function compileExtras(config: KafkaUpstreamConfig, producer: ProducerLease): ExtrasOf | null {
  const placeOf = compilePlace(config);
  const headersOf = config.headers_from === null ? null : compileBodyHeaders(config.headers_from.body_pointer);
  if (placeOf === null && headersOf === null) return null;
  return async (exchange, json, topics, deadlineMs) => {
    const headers = headersOf?.(json) ?? [];
    const place = placeOf?.(exchange, json) ?? {};
    await checkPlaces(producer, topics, place, deadlineMs);
    return { place, headers };
  };
}

/** @throws (rejects) RequestError when a topic takes no such record */
async function checkPlaces(
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
