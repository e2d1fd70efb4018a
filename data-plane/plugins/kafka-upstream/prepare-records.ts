import { makesElements, type KafkaUpstreamConfig } from '../../../shared/plugin-schemas/kafka-upstream.ts';
import type { LuaChain } from '../../lua/lua-chains.ts';
import type { Exchange } from '../../plugin-api/exchange.ts';
import type { EncoderLease } from '../../schemas/encoder.ts';
import { allReady } from './all-ready.ts';
import { compileKey, compileKeyText } from './record-key.ts';
import { compileValue, nullValue, type ValueFor } from './record-value.ts';
import type { RequestPart } from './request-part.ts';
import { compileIsTombstone, noKeyOfTombstone } from './tombstones.ts';

/** A record without its headers, which depend on the span of its publication. */
export interface PreparedRecord {
  readonly topic: string;
  readonly key: Buffer | null;
  /** Null: a tombstone. */
  readonly value: Buffer | null;
  /** The media type of an encoded value, where the record tells it. */
  readonly contentType?: string;
}

/**
 * Makes the records of a request, one for each of its topics. All are encoded before the first is published, so that data
 * that does not fit refuses the whole request. Returns a promise only where something is not ready. @throws RequestError
 */
export type PrepareRecords = (
  exchange: Exchange,
  part: RequestPart,
  topics: readonly string[],
  deadlineMs: number,
) => readonly PreparedRecord[] | Promise<readonly PreparedRecord[]>;

export interface RecordTools {
  readonly keyEncoder: EncoderLease | null;
  readonly valueEncoder: EncoderLease | null;
  readonly lua: LuaChain | null;
}

/** Compiles keys and values of a configuration into one function. */
export function compileRecords(config: KafkaUpstreamConfig, tools: RecordTools): PrepareRecords {
  const keyTextOf = compileKeyText(config);
  const keyFor = compileKey(tools.keyEncoder);
  const valueOf = compileValue(config, tools.valueEncoder, tools.lua);
  // Where Lua makes the value, it alone says which is null.
  const takesJson = tools.valueEncoder !== null || makesElements(config);
  const isTombstone = tools.lua === null ? compileIsTombstone(config, takesJson) : null;

  function encode(
    topic: string,
    keyText: ReturnType<typeof keyTextOf>,
    valueFor: ValueFor,
    deadlineMs: number,
  ): Encoding {
    // An error here must not leave the promise of another topic without a handler: it becomes a rejection too.
    try {
      const key = keyFor(topic, keyText, deadlineMs);
      if (key instanceof Promise)
        return key.then(async (ready) => ({ topic, key: ready, value: await valueFor(topic) }));
      const value = valueFor(topic);
      return value instanceof Promise ? value.then((ready) => ({ topic, key, value: ready })) : { topic, key, value };
    } catch (error) {
      return Promise.reject(asError(error));
    }
  }

  /** Adds the media types of encoded values, which the records of events tell. */
  function typed(records: readonly PreparedRecord[]): readonly PreparedRecord[] {
    return records.map((record) => {
      const contentType = mediaTypes[tools.valueEncoder?.typeOf(record.topic) ?? ''];
      return contentType === undefined || record.value === null ? record : { ...record, contentType };
    });
  }

  return (exchange, { body, json, event }, topics, deadlineMs) => {
    const keyText = keyTextOf(exchange, json) ?? event?.key ?? null;
    const isNull = event?.hasValue === false;
    if (isNull || isTombstone?.(exchange, body, json) === true) {
      // An event without data has a null value whatever `tombstones` says (Kafka binding 3.2.2).
      if (keyText === null && !isNull) throw noKeyOfTombstone();
      return allReady(topics.map((topic) => encode(topic, keyText, nullValue, deadlineMs)));
    }
    const value = valueOf(exchange, body, deadlineMs, json);
    const withValue = (valueFor: ValueFor): ReturnType<PrepareRecords> => {
      if (valueFor === nullValue && keyText === null) throw noKeyOfTombstone();
      const records = allReady(topics.map((topic) => encode(topic, keyText, valueFor, deadlineMs)));
      if (event === null || tools.valueEncoder === null) return records;
      return records instanceof Promise ? records.then(typed) : typed(records);
    };
    return value instanceof Promise ? value.then(withValue) : withValue(value);
  };
}

/** Media types of values by the kind of their schema. A value of JSON Schema keeps its own. */
const mediaTypes: Readonly<Record<string, string | undefined>> = {
  AVRO: 'application/avro',
  PROTOBUF: 'application/protobuf',
};

type Encoding = PreparedRecord | Promise<PreparedRecord>;

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
