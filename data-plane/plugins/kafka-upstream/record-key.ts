import { RequestError } from '../../../shared/errors.ts';
import type { KafkaUpstreamConfig } from '../../../shared/plugin-schemas/kafka-upstream.ts';
import type { Exchange } from '../../plugin-api/exchange.ts';
import { singleArg, singleHeader } from '../../plugin-api/header-text.ts';
import { queryArgs } from '../../plugin-api/query-args.ts';
import type { EncoderLease } from '../../schemas/encoder.ts';
import { type BodyJson, compilePointer, kindOf, scalarText } from './body-json.ts';

/** The parts of a request that a key can be made of. */
export type KeyRequest = Pick<Exchange, 'query' | 'headers' | 'route' | 'consumer'>;

/** A key that is an object: the JSON that its schema encodes. */
export interface JsonKey {
  readonly json: string;
}

/** The text of the record's key; null: no key. `json`: the body, where the key comes from it. */
export type KeyTextOf = (request: KeyRequest, json: BodyJson | null) => string | JsonKey | null;

/** The key for one topic by its text, which is the same for all topics of a request. */
export type KeyFor = (topic: string, text: KeyText, deadlineMs: number) => Buffer | null | Promise<Buffer>;

type KeyText = ReturnType<KeyTextOf>;

/** Compiles how a key's text becomes its bytes: in UTF-8, or as its schema encodes it. */
export function compileKey(encoder: EncoderLease | null): KeyFor {
  if (encoder === null) {
    // Without a schema no key is an object: bodyKey refuses it.
    return (_topic, text) => (text === null ? null : Buffer.from(typeof text === 'string' ? text : text.json));
  }
  return (topic, text, deadlineMs) => {
    if (text === null) return null;
    if (typeof text === 'string') return encoder.encode(topic, text, deadlineMs);
    return encoder.encode(topic, text.json, deadlineMs, true);
  };
}

/**
 * Compiles where the record's key comes from. The function throws RequestError KEY_INVALID.
 */
export function compileKeyText(config: KafkaUpstreamConfig): KeyTextOf {
  const { key_query_arg: argument, key_from: from } = config;
  if (argument !== null) return queryKey(argument);
  // The configuration's checks say that exactly one of its fields is there.
  if (from === null) return () => null;
  if (from.header !== null) {
    const name = from.header.toLowerCase();
    return ({ headers }) => singleHeader(headers, name, 'KEY_INVALID', 'record key') ?? null;
  }
  if (from.body_pointer !== null) {
    return bodyKey(from.body_pointer, (config.schema_registry?.confluent?.key_schema ?? null) !== null);
  }
  if (from.path_capture !== null) {
    const name = from.path_capture;
    return ({ route }) => captureOf(route, name) ?? null;
  }
  if (from.consumer === 'id') return ({ consumer }) => consumer?.id ?? null;
  return ({ consumer }) => consumer?.username ?? null;
}

/** A capture of the route's regular expression, as it stands in the normalised path. */
export function captureOf(route: Exchange['route'], name: string): string | undefined {
  const captures = route?.captures;
  return captures !== undefined && Object.hasOwn(captures, name) ? captures[name] : undefined;
}

function queryKey(name: string): KeyTextOf {
  return ({ query }) => {
    if (query === '') return null;
    return singleArg(queryArgs(query).get(name), name, 'KEY_INVALID', 'record key') ?? null;
  };
}

/** The string or number at a pointer of the body, or, for a schema, the object. */
function bodyKey(pointer: string, hasSchema: boolean): KeyTextOf {
  const partOf = compilePointer(pointer);
  return (_request, json) => {
    const part = partOf(json);
    if (part === undefined) return null;
    const text = scalarText(part);
    if (text !== undefined) return text;
    const kind = kindOf(part.value);
    if (hasSchema && kind === 'an object') return { json: part.text() };
    throw new RequestError('KEY_INVALID', `The record key must be a string or a number, but the body holds ${kind}.`);
  };
}
