import { RequestError } from '../../../shared/errors.ts';
import type { KafkaUpstreamConfig } from '../../../shared/plugin-schemas/kafka-upstream.ts';
import type { Exchange } from '../../plugin-api/exchange.ts';
import type { EncoderLease } from '../../schemas/encoder.ts';
import { formJson, utf8Text } from './envelope.ts';
import { singleArg, singleHeader } from '../../plugin-api/header-text.ts';
import { bodyKind } from './media-type.ts';
import { parseMultipart } from './multipart.ts';
import { numberTextAt } from './number-text.ts';
import { queryArgs } from '../../plugin-api/query-args.ts';

/** The parts of a request that a key can be made of. */
export type KeyRequest = Pick<Exchange, 'query' | 'headers' | 'route' | 'consumer'>;

/** The text of the record's key; null: no key. The body's content encoding is undone before. */
export type KeyTextOf = (request: KeyRequest, body: Buffer) => string | null | Promise<string | null>;

/** The key for one topic by its text, which is the same for all topics of a request. */
export type KeyFor = (topic: string, text: string | null, deadlineMs: number) => Buffer | null | Promise<Buffer>;

/** Compiles how a key's text becomes its bytes: in UTF-8, or as its schema encodes it. */
export function compileKey(encoder: EncoderLease | null): KeyFor {
  if (encoder === null) return (_topic, text) => (text === null ? null : Buffer.from(text));
  return (topic, text, deadlineMs) => (text === null ? null : encoder.encode(topic, text, deadlineMs));
}

/**
 * Compiles where the record's key comes from. The function throws RequestError KEY_INVALID, or BODY_INVALID for a broken
 * body.
 */
export function compileKeyText({ key_query_arg: argument, key_from: from }: KafkaUpstreamConfig): KeyTextOf {
  if (argument !== null) return queryKey(argument);
  // The configuration's checks say that exactly one of its fields is there.
  if (from === null) return () => null;
  if (from.header !== null) {
    const name = from.header.toLowerCase();
    return ({ headers }) => singleHeader(headers, name, 'KEY_INVALID', 'record key') ?? null;
  }
  if (from.body_pointer !== null) return bodyKey(from.body_pointer);
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

/** The value at a pointer of a JSON body; a form and a multipart body count as the object of their fields. */
function bodyKey(pointer: string): KeyTextOf {
  const tokens = pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
  return ({ headers }, body) => {
    if (body.length === 0) return null;
    const contentType = headers.get('content-type');
    const kind = bodyKind(contentType);
    if (kind === 'multipart') {
      return parseMultipart(contentType ?? '', body).then((args) => keyAt(args.json(), tokens));
    }
    const text = utf8Text(body);
    return keyAt(kind === 'form' ? formJson(text) : text, tokens);
  };
}

function keyAt(jsonText: string, tokens: readonly string[]): string | null {
  let value: unknown;
  try {
    value = JSON.parse(jsonText);
  } catch (error) {
    const message = 'The body, which holds the record key, is not valid JSON.';
    throw new RequestError('BODY_INVALID', message, { cause: error });
  }
  for (const token of tokens) value = child(value, token);
  if (value === undefined) return null;
  if (typeof value === 'string') return value;
  const number = typeof value === 'number' ? numberTextAt(jsonText, tokens) : undefined;
  if (number !== undefined) return number;
  const kind =
    value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value === 'object' ? 'an object' : 'a boolean';
  throw new RequestError('KEY_INVALID', `The record key must be a string or a number, but the body holds ${kind}.`);
}

function child(value: unknown, token: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  if (Array.isArray(value)) {
    const element: unknown = /^(0|[1-9][0-9]{0,9})$/.test(token) ? value[Number(token)] : undefined;
    return element;
  }
  const member: unknown = Object.getOwnPropertyDescriptor(value, token)?.value;
  return member;
}
