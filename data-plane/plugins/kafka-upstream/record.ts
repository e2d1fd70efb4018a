import type { KafkaUpstreamConfig } from '../../../shared/plugin-schemas/kafka-upstream.ts';
import { RequestError } from '../../../shared/errors.ts';
import type { RecordHeader } from '../../kafka/client.ts';
import type { HeaderList } from '../../proxy/header-list.ts';
import {
  bodyMembers,
  compileEnvelope,
  formJson,
  multipartMembers,
  utf8Text,
  type EnvelopeRequest,
} from './envelope.ts';
import { bodyKind } from './media-type.ts';
import { parseMultipart } from './multipart.ts';
import { argsJson, parseArgs } from './query-args.ts';

/** The text of a value that is to be encoded with a schema, or the value's own bytes. */
export type ValueText = (request: EnvelopeRequest, body: Buffer) => string | Promise<string>;
export type ValueBytes = (request: EnvelopeRequest, body: Buffer) => Buffer | Promise<Buffer>;

/** The value as JSON text: the envelope, or the decoded body. The body's content encoding is undone before. */
export function compileValueText(config: KafkaUpstreamConfig): ValueText {
  if (config.record_value === 'body') return bodyText;
  const write = compileEnvelope(config);
  if (!config.forward_body) return (request) => write(request, '');
  return (request, body) => {
    const contentType = request.headers.get('content-type');
    const kind = bodyKind(contentType);
    if (kind !== 'multipart') return write(request, bodyMembers(kind, body));
    return parseMultipart(contentType ?? '', body).then((args) => write(request, multipartMembers(body, args)));
  };
}

/** The value without a schema: the envelope in UTF-8, or the body as it is. */
export function compileValueBytes(config: KafkaUpstreamConfig): ValueBytes {
  if (config.record_value === 'body') return (_request, body) => body;
  const text = compileValueText(config);
  return (request, body) => {
    const value = text(request, body);
    return typeof value === 'string' ? Buffer.from(value) : value.then((late) => Buffer.from(late));
  };
}

/** The body as the JSON text that a schema is asked about; forms count as their fields. */
function bodyText({ headers }: EnvelopeRequest, body: Buffer): string | Promise<string> {
  const contentType = headers.get('content-type');
  const kind = bodyKind(contentType);
  if (kind === 'form') return formJson(utf8Text(body));
  if (kind === 'multipart') return parseMultipart(contentType ?? '', body).then(argsJson);
  return utf8Text(body);
}

export type KeyOf = (request: EnvelopeRequest) => Buffer | null;

/** Where the record's key comes from. @throws RequestError KEY_INVALID at the request. */
export function compileKey({ key_query_arg: name }: KafkaUpstreamConfig): KeyOf {
  if (name === null) return () => null;
  return ({ query }) => {
    if (query === '') return null;
    const value = parseArgs(query).get(name);
    if (value === undefined) return null;
    if (typeof value === 'string') return Buffer.from(value);
    const reason = value === true ? 'has no value' : 'is given more than once';
    throw new RequestError('KEY_INVALID', `The query parameter '${name}' of the record key ${reason}.`);
  };
}

const noHeaders: readonly RecordHeader[] = [];

/** The record's headers: by default the trace context alone goes along. */
export function recordHeaders(headers: HeaderList): readonly RecordHeader[] {
  const traceparent = headers.get('traceparent');
  return traceparent === undefined ? noHeaders : [{ name: 'traceparent', value: traceparent }];
}

/** Topics that one request may name. */
export const topicsMax = 100;

export type TopicsOf = (request: EnvelopeRequest) => readonly string[];

/** The topics that a request names, each once, or the configured one. @throws RequestError TOPIC_INVALID, TOPIC_NOT_ALLOWED. */
export function compileTopics(config: KafkaUpstreamConfig): TopicsOf {
  const { topic, topics_query_arg: argument, allowed_topics: allowed } = config;
  const configured = [topic];
  if (argument === null) return () => configured;
  const exact = new Set([topic, ...(allowed ?? []).filter((entry) => !entry.endsWith('*'))]);
  const prefixes = (allowed ?? []).filter((entry) => entry.endsWith('*')).map((entry) => entry.slice(0, -1));
  const isAllowed = (name: string): boolean => exact.has(name) || prefixes.some((prefix) => name.startsWith(prefix));
  return ({ query }) => {
    const value = query === '' ? undefined : parseArgs(query).get(argument);
    if (value === undefined) return configured;
    const texts = typeof value === 'object' ? value : [value];
    const names = new Set(texts.flatMap((text) => (text === true ? [] : text.split(',').map((name) => name.trim()))));
    names.delete('');
    if (names.size === 0) return configured;
    if (names.size > topicsMax) {
      throw new RequestError('TOPIC_INVALID', `The request names more than ${topicsMax} topics.`);
    }
    for (const name of names) {
      if (!isAllowed(name))
        throw new RequestError('TOPIC_NOT_ALLOWED', `The topic '${printable(name)}' is not allowed.`);
      if (!/^[a-zA-Z0-9._-]{1,249}$/.test(name)) throw new RequestError('TOPIC_INVALID', 'A topic name is not legal.');
    }
    return [...names];
  };
}

function printable(name: string): string {
  const text = name.replaceAll(/[^ -~]/g, '?');
  return text.length > 249 ? `${text.slice(0, 249)}…` : text;
}
