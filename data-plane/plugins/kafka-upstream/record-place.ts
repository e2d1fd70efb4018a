import { RequestError } from '../../../shared/errors.ts';
import type { KafkaUpstreamConfig } from '../../../shared/plugin-schemas/kafka-upstream.ts';
import type { RecordPlace } from '../../kafka/producer-types.ts';
import type { Exchange } from '../../plugin-api/exchange.ts';
import { parseIsoTimestamp } from '../../schemas/formats/iso-time.ts';
import type { BodyJson } from './body-json.ts';
import { compileSource } from './request-source.ts';

/** The partition and timestamp that a request chooses. @throws RequestError PARTITION_INVALID, TIMESTAMP_INVALID */
export type PlaceOf = (request: Pick<Exchange, 'query' | 'headers'>, json: BodyJson | null) => RecordPlace;

/** Compiles how a request chooses partition and timestamp; null where the configuration lets it choose neither. */
export function compilePlace(config: Pick<KafkaUpstreamConfig, 'partition_from' | 'timestamp_from'>): PlaceOf | null {
  const { partition_from: partitionFrom, timestamp_from: timestampFrom } = config;
  if (partitionFrom === null && timestampFrom === null) return null;
  const partitionText = partitionFrom === null ? null : compileSource(partitionFrom, 'PARTITION_INVALID', 'partition');
  const timestampText = timestampFrom === null ? null : compileSource(timestampFrom, 'TIMESTAMP_INVALID', 'timestamp');
  return (request, json) => {
    const partition = partitionText?.(request, json);
    const timestamp = timestampText?.(request, json);
    return {
      ...(partition === undefined ? {} : { partition: partitionOf(partition) }),
      ...(timestamp === undefined ? {} : { timestampMs: timestampMsOf(timestamp) }),
    };
  };
}

/** @throws RequestError PARTITION_INVALID */
function partitionOf(text: string): number {
  // Kafka counts partitions in 31 bits.
  if (/^(0|[1-9][0-9]{0,9})$/.test(text) && Number(text) < 2 ** 31) return Number(text);
  throw new RequestError('PARTITION_INVALID', 'The partition must be a whole number from 0 on.');
}

/** The first millisecond of the year 10000, which ISO 8601 cannot write without an agreement. */
const endMs = 253_402_300_800_000;

/** @throws RequestError TIMESTAMP_INVALID */
function timestampMsOf(text: string): number {
  const ms = /^[0-9]{1,15}$/.test(text) ? Number(text) : isoMs(text);
  if (ms !== undefined && ms >= 0 && ms < endMs) return ms;
  const message = 'The timestamp must be milliseconds since 1970 or a date and time of ISO 8601, from 1970 on.';
  throw new RequestError('TIMESTAMP_INVALID', message);
}

/** Reads a date and time. Without an offset it is in UTC; digits below the millisecond are cut off. */
function isoMs(text: string): number | undefined {
  const cut = text.replace(/([.,][0-9]{3})[0-9]{1,6}(?![0-9])/, '$1');
  for (const isLocal of [false, true]) {
    const ms = parseIsoTimestamp(cut, 3, isLocal);
    if (typeof ms === 'bigint') return Number(ms);
  }
  return undefined;
}
