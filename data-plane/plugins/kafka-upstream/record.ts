import { isUtf8 } from 'node:buffer';
import { RequestError } from '../../../shared/errors.ts';
import type { KafkaUpstreamConfig } from '../../../shared/plugin-schemas/kafka-upstream.ts';
import { takesBodyOnly } from '../../../shared/plugin-schemas/lua-functions.ts';
import type { LuaChain } from '../../lua/lua-chains.ts';
import {
  bodyMembers,
  compileEnvelope,
  formJson,
  jsonText,
  multipartMembers,
  utf8Text,
  type EnvelopeRequest,
} from './envelope.ts';
import { bodyKind } from './media-type.ts';
import { parseMultipart } from './multipart.ts';
import { argsJson } from '../../plugin-api/query-args.ts';

/** The text of a value that is to be encoded with a schema, or the value's own bytes. `deadlineMs`: monotonic ms. */
export type ValueText = (request: EnvelopeRequest, body: Buffer, deadlineMs: number) => string | Promise<string>;
export type ValueBytes = (request: EnvelopeRequest, body: Buffer, deadlineMs: number) => Buffer | Promise<Buffer>;

/**
 * The value as JSON text: the envelope, what Lua makes of it, or the decoded body. The body's content encoding is undone
 * before. `lua` is there where the configuration has functions that must run.
 */
export function compileValueText(config: KafkaUpstreamConfig, lua: LuaChain | null): ValueText {
  if (config.record_value === 'body') return bodyText;
  if (takesBodyOnly(config.message_by_lua_functions)) return bodyMemberText;
  const envelope = compileEnvelopeText(config);
  return lua === null ? envelope : luaText(envelope, lua);
}

/** The value without a schema: the envelope in UTF-8, what Lua makes of it, or the body as it is. */
export function compileValueBytes(config: KafkaUpstreamConfig, lua: LuaChain | null): ValueBytes {
  if (config.record_value === 'body') return (_request, body) => body;
  if (takesBodyOnly(config.message_by_lua_functions)) return inUtf8(bodyMemberText);
  const envelope = compileEnvelopeText(config);
  return lua === null ? inUtf8(envelope) : luaBytes(envelope, lua);
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

function inUtf8(textOf: EnvelopeText): ValueBytes {
  return (request, body) => {
    const text = textOf(request, body);
    return typeof text === 'string' ? Buffer.from(text) : text.then((late) => Buffer.from(late));
  };
}

/** What `message.body` of the envelope would be, with the envelope's checks of the body. */
function bodyMemberText({ headers }: EnvelopeRequest, body: Buffer): string | Promise<string> {
  const contentType = headers.get('content-type');
  const kind = bodyKind(contentType);
  if (kind === 'json') return jsonText(body);
  const text = kind === 'binary' || !isUtf8(body) ? body.toString('base64') : body.toString('utf8');
  return kind === 'multipart' ? parseMultipart(contentType ?? '', body).then(() => text) : text;
}

/** The body as the JSON text that a schema is asked about; forms count as their fields. */
function bodyText({ headers }: EnvelopeRequest, body: Buffer): string | Promise<string> {
  const contentType = headers.get('content-type');
  const kind = bodyKind(contentType);
  if (kind === 'form') return formJson(utf8Text(body));
  if (kind === 'multipart') return parseMultipart(contentType ?? '', body).then(argsJson);
  return utf8Text(body);
}

function luaBytes(envelope: EnvelopeText, lua: LuaChain): ValueBytes {
  return async (request, body, deadlineMs) => {
    const result = await lua.run(await envelope(request, body), deadlineMs);
    return typeof result === 'string' ? Buffer.from(result) : result;
  };
}

/** A schema is asked about JSON: a string that Lua gives must hold it. */
function luaText(envelope: EnvelopeText, lua: LuaChain): ValueText {
  return async (request, body, deadlineMs) => {
    const result = await lua.run(await envelope(request, body), deadlineMs);
    if (typeof result === 'string') return result;
    const text = isUtf8(result) ? result.toString('utf8') : '';
    try {
      JSON.parse(text);
    } catch (error) {
      const message = 'The string that message_by_lua_functions gave is not the JSON that the value schema needs.';
      throw new RequestError('LUA_ERROR', message, { cause: error });
    }
    return text;
  };
}
