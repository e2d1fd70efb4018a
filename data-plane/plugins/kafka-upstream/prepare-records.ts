import type { KafkaUpstreamConfig } from '../../../shared/plugin-schemas/kafka-upstream.ts';
import type { LuaChain } from '../../lua/lua-chains.ts';
import type { Exchange } from '../../plugin-api/exchange.ts';
import type { EncoderLease } from '../../schemas/encoder.ts';
import { compileKey, compileKeyText } from './record-key.ts';
import { compileValue } from './record-value.ts';

/** A record without its headers, which depend on the span of its publication. */
export interface PreparedRecord {
  readonly topic: string;
  readonly key: Buffer | null;
  readonly value: Buffer;
}

/**
 * Makes the records of a request, one for each of its topics. All are encoded before the first is published, so that data that
 * does not fit refuses the whole request. @throws RequestError
 */
export type PrepareRecords = (
  exchange: Exchange,
  topics: readonly string[],
  deadlineMs: number,
) => Promise<readonly PreparedRecord[]>;

export interface RecordTools {
  readonly keyEncoder: EncoderLease | null;
  readonly valueEncoder: EncoderLease | null;
  readonly lua: LuaChain | null;
  /** Reads the whole body and undoes its content encoding. */
  readonly readBody: (exchange: Exchange) => Promise<Buffer>;
}

/** Compiles keys and values of a configuration into one function. It awaits only what is not ready. */
export function compileRecords(config: KafkaUpstreamConfig, tools: RecordTools): PrepareRecords {
  const { readBody } = tools;
  const keyTextOf = compileKeyText(config);
  const keyFor = compileKey(tools.keyEncoder);
  const valueOf = compileValue(config, tools.valueEncoder, tools.lua);
  return async (exchange, topics, deadlineMs) => {
    const body = await readBody(exchange);
    const text = keyTextOf(exchange, body);
    const keyText = text instanceof Promise ? await text : text;
    const value = valueOf(exchange, body, deadlineMs);
    const valueFor = value instanceof Promise ? await value : value;

    return Promise.all(
      topics.map(async (topic): Promise<PreparedRecord> => {
        const key = keyFor(topic, keyText, deadlineMs);
        const readyKey = key instanceof Promise ? await key : key;
        const encoded = valueFor(topic);
        return { topic, key: readyKey, value: encoded instanceof Promise ? await encoded : encoded };
      }),
    );
  };
}
