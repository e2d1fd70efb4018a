import { isUtf8 } from 'node:buffer';
import { RequestError } from '../../../shared/errors.ts';
import { makesElements, type KafkaUpstreamConfig } from '../../../shared/plugin-schemas/kafka-upstream.ts';
import { takesBodyOnly } from '../../../shared/plugin-schemas/lua-functions.ts';
import type { LuaChain } from '../../lua/lua-chains.ts';
import type { LuaBudget } from '../../lua/lua-worker.ts';
import type { EncoderLease } from '../../schemas/encoder.ts';
import { coercingText } from './coerce-text.ts';
import { type BodyJson, compilePointer } from './body-json.ts';
import {
  bodyMembers,
  compileEnvelope,
  formJson,
  jsonText,
  multipartMembers,
  partMembers,
  utf8Text,
  type EnvelopeRequest,
} from './envelope.ts';
import { bodyKind } from './media-type.ts';
import { parseMultipart } from './multipart.ts';

/** The value for one topic; null for a tombstone. */
export type ValueFor = (topic: string) => Buffer | null | Promise<Buffer>;
/** The value of a tombstone. */
export const nullValue: ValueFor = () => null;

/**
 * Makes the value of a request, once for all of its topics. `deadlineMs`: monotonic ms; `json`: the body, where the
 * value is a part of it.
 */
export type ValueOf = (
  request: EnvelopeRequest,
  body: Buffer,
  deadlineMs: number,
  json: BodyJson | null,
) => ValueFor | Promise<ValueFor>;

/**
 * Compiles how a request becomes the value of its records. With an encoder the value is encoded for each topic, else it
 * is the same bytes for all. `lua` is there where the configuration has functions that must run.
 */
export function compileValue(config: KafkaUpstreamConfig, encoder: EncoderLease | null, lua: LuaChain | null): ValueOf {
  const contentOf = compileContent(config, encoder !== null, lua);
  const encode = encoder === null ? null : encoder.encode.bind(encoder);
  const encodeForm = config.coerce_text && encode !== null ? coercingText(encode) : null;
  // A message of a call is in its schema's encoding already; of the envelope it is a part only.
  const messages = config.record_value === 'body' && config.value_from === null ? encoder : null;
  const valueFor = (content: Content, deadlineMs: number, request: EnvelopeRequest): ValueFor => {
    if (content === null) return nullValue;
    if (encode !== null) {
      const text = typeof content === 'string' ? content : jsonOf(content);
      const used = encodeForm !== null && isForm(request) ? encodeForm : encode;
      return (topic) => used(topic, text, deadlineMs);
    }
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    return () => bytes;
  };
  const { body_encoding: encoding } = config;
  if (encoding !== 'json' && encoder !== null) {
    return (_request, body, deadlineMs) => (topic) => encoder.frame(topic, body, encoding, deadlineMs);
  }
  return (request, body, deadlineMs, json) => {
    if (messages !== null && isProtobufMessage(request)) {
      return (topic) => messages.frame(topic, body, 'protobuf', deadlineMs);
    }
    const content = contentOf(request, body, deadlineMs, json);
    if (content instanceof Promise) return content.then((ready) => valueFor(ready, deadlineMs, request));
    return valueFor(content, deadlineMs, request);
  };
}

/** Messages of gRPC are Protobuf unless their format says otherwise. */
function isProtobufMessage({ protocol, headers }: EnvelopeRequest): boolean {
  if (protocol !== 'grpc' && protocol !== 'grpcs') return false;
  return !/^application\/grpc\+json(?:$|;)/i.test(headers.get('content-type') ?? '');
}

function isForm({ headers }: EnvelopeRequest): boolean {
  const kind = bodyKind(headers.get('content-type'));
  return kind === 'form' || kind === 'multipart';
}

/** A value as text, or as bytes where it need not be text; null: none, as Lua says. */
export type Content = string | Buffer | null;

/** Makes the value before any encoding. */
export type ContentOf = (
  request: EnvelopeRequest,
  body: Buffer,
  deadlineMs: number,
  json?: BodyJson | null,
) => Content | Promise<Content>;

/**
 * Compiles the value before any encoding: the envelope, what Lua makes of it, or the body. A body that a schema will
 * encode is JSON text. The body's content encoding is undone before.
 */
export function compileContent(config: KafkaUpstreamConfig, isEncoded: boolean, lua: LuaChain | null): ContentOf {
  const pointer = contentPointer(config);
  const runLua = lua === null ? null : compileLua(config, lua);
  if (pointer !== null) return compilePart(config, pointer, runLua);
  if (config.record_value === 'body') return isEncoded ? bodyText : (_request, body) => body;
  if (takesBodyOnly(config.message_by_lua_functions)) return bodyMemberText;
  const envelope = compileEnvelopeText(config);
  if (runLua === null) return envelope;
  return async (request, body, deadlineMs) => runLua(request, await envelope(request, body), deadlineMs);
}

type RunLua = (request: EnvelopeRequest, message: string, deadlineMs: number) => Promise<Content>;

/** Time of all calls for the elements of one request together. */
const luaRequestMs = 1_000;

/** Compiles the call of Lua for a message. Elements of one request share their time. */
function compileLua(config: KafkaUpstreamConfig, lua: LuaChain): RunLua {
  const takesNil = config.tombstones;
  if (!makesElements(config)) {
    return ({ route }, message, deadlineMs) => lua.run(message, deadlineMs, route?.name ?? route?.id, { takesNil });
  }
  const budgets = new WeakMap<EnvelopeRequest, LuaBudget>();
  return (request, message, deadlineMs) => {
    const budget = budgets.get(request) ?? { totalMs: luaRequestMs, leftMs: luaRequestMs };
    budgets.set(request, budget);
    return lua.run(message, deadlineMs, request.route?.name ?? request.route?.id, { takesNil, budget });
  };
}

/** The part of the body that the value shows; null: the body as its media type says. An element is JSON whatever that is. */
function contentPointer(config: KafkaUpstreamConfig): string | null {
  if (config.value_from !== null) return config.value_from.body_pointer;
  return makesElements(config) && config.record_value !== 'body' ? '' : null;
}

/** Compiles the value that is a part of the body: its text as it came, or the envelope with it in place of the body. */
function compilePart(config: KafkaUpstreamConfig, pointer: string, runLua: RunLua | null): ContentOf {
  const partOf = compilePointer(pointer);
  const isAlone = config.record_value === 'body' || takesBodyOnly(config.message_by_lua_functions);
  const write = isAlone ? null : compileEnvelope(config);
  return (request, _body, deadlineMs, json = null) => {
    const part = partOf(json);
    if (part === undefined) throw new RequestError('BODY_INVALID', `The body has no value at '${pointer}'.`);
    const text = part.text();
    if (write === null) return text;
    const envelope = write(request, config.forward_body ? partMembers(text, part.value) : '');
    return runLua === null ? envelope : runLua(request, envelope, deadlineMs);
  };
}

type EnvelopeText = (request: EnvelopeRequest, body: Buffer) => string | Promise<string>;

function compileEnvelopeText(config: KafkaUpstreamConfig): EnvelopeText {
  const write = compileEnvelope(config);
  if (!config.forward_body) return (request) => write(request, '');
  return (request, body) => {
    const contentType = request.headers.get('content-type');
    const kind = bodyKind(contentType);
    if (kind !== 'multipart') return write(request, bodyMembers(kind, body));
    return parseMultipart(contentType ?? '', body).then((args) => write(request, multipartMembers(body, args)));
  };
}

/** Returns what `message.body` of the envelope would be, with the envelope's checks of the body. */
function bodyMemberText({ headers }: EnvelopeRequest, body: Buffer): string | Promise<string> {
  const contentType = headers.get('content-type');
  const kind = bodyKind(contentType);
  if (kind === 'json') return jsonText(body);
  const text = kind === 'binary' || !isUtf8(body) ? body.toString('base64') : body.toString('utf8');
  return kind === 'multipart' ? parseMultipart(contentType ?? '', body).then(() => text) : text;
}

/** Returns the body as JSON text for a schema. A form counts as the object of its fields. */
function bodyText({ headers }: EnvelopeRequest, body: Buffer): string | Promise<string> {
  const contentType = headers.get('content-type');
  const kind = bodyKind(contentType);
  if (kind === 'form') return formJson(utf8Text(body));
  if (kind === 'multipart') return parseMultipart(contentType ?? '', body).then((args) => args.json());
  return utf8Text(body);
}

/** A schema needs JSON: a string that Lua returns must hold it. @throws RequestError LUA_ERROR */
function jsonOf(result: Buffer): string {
  const text = isUtf8(result) ? result.toString('utf8') : '';
  try {
    JSON.parse(text);
  } catch (error) {
    const message = 'The string that message_by_lua_functions gave is not the JSON that the value schema needs.';
    throw new RequestError('LUA_ERROR', message, { cause: error });
  }
  return text;
}
