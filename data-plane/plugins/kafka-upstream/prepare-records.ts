import type { KafkaUpstreamConfig } from '../../../shared/plugin-schemas/kafka-upstream.ts';
import type { LuaChain } from '../../lua/lua-chains.ts';
import type { Exchange } from '../../plugin-api/exchange.ts';
import type { EncoderLease } from '../../schemas/encoder.ts';
import { allReady } from './all-ready.ts';
import type { BodyJson } from './body-json.ts';
import { compileKey, compileKeyText } from './record-key.ts';
import { compileValue, type ValueFor } from './record-value.ts';
import { compileIsTombstone, noKeyOfTombstone } from './tombstones.ts';

/** A record without its headers, which depend on the span of its publication. */
export interface PreparedRecord {
  readonly topic: string;
  readonly key: Buffer | null;
  /** Null: a tombstone. */
  readonly value: Buffer | null;
}

/**
 * Makes the records of a request, one for each of its topics. All are encoded before the first is published, so that data
 * that does not fit refuses the whole request. `json` is the body where a part of the record comes from it. Returns a promise only where something is not ready. @throws RequestError
 */
export type PrepareRecords = (
  exchange: Exchange,
  body: Buffer,
  json: BodyJson | null,
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
  const isTombstone = compileIsTombstone(config, tools.valueEncoder !== null);

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

  return (exchange, body, json, topics, deadlineMs) => {
    const keyText = keyTextOf(exchange, json);
    if (isTombstone?.(exchange, body, json) === true) {
      if (keyText === null) throw noKeyOfTombstone();
      return allReady(topics.map((topic) => encode(topic, keyText, noValue, deadlineMs)));
    }
    const value = valueOf(exchange, body, deadlineMs, json);
    const withValue = (valueFor: ValueFor): ReturnType<PrepareRecords> =>
      allReady(topics.map((topic) => encode(topic, keyText, valueFor, deadlineMs)));
    return value instanceof Promise ? value.then(withValue) : withValue(value);
  };
}

const noValue: ValueFor = () => null;

type Encoding = PreparedRecord | Promise<PreparedRecord>;

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
