import { isUtf8 } from 'node:buffer';
import { RequestError } from '../../../shared/errors.ts';
import type { ExchangeRoute, Protocol } from '../../plugin-api/exchange.ts';
import type { HeaderList } from '../../plugin-api/header-list.ts';
import { headerText } from '../../plugin-api/header-text.ts';
import type { BodyKind } from './media-type.ts';
import { ArgMap, formArgs, queryArgs } from '../../plugin-api/query-args.ts';

/** The parts of a request that the envelope shows; an Exchange has them. */
export interface EnvelopeRequest {
  readonly protocol?: Protocol;
  readonly method: string;
  /** What a plugin has put in place of the request's own. */
  readonly forwardAs?: { readonly method?: string };
  readonly target: string;
  readonly query: string;
  readonly headers: HeaderList;
  /** Named where the making of the record fails. */
  readonly route?: Pick<ExchangeRoute, 'id' | 'name'> | undefined;
}

export interface EnvelopeParts {
  readonly forward_method: boolean;
  readonly forward_uri: boolean;
  readonly forward_headers: boolean;
  readonly forward_body: boolean;
}

/** Writes the envelope, one JSON object. `body` is the text of the body's members. */
export type WriteEnvelope = (request: EnvelopeRequest, body: string) => string;

/** Compiles what the envelope holds into one function. */
export function compileEnvelope(parts: EnvelopeParts): WriteEnvelope {
  const members: ((request: EnvelopeRequest) => string)[] = [];
  if (parts.forward_method)
    members.push(({ method, forwardAs }) => `"method":${JSON.stringify(forwardAs?.method ?? method)}`);
  if (parts.forward_headers) members.push(({ headers }) => `"headers":${headersJson(headers)}`);
  if (parts.forward_uri) {
    members.push(({ target, query }) => `"uri":${JSON.stringify(target)},"uri_args":${queryArgs(query).json()}`);
  }
  const head = (request: EnvelopeRequest): string => members.map((member) => member(request)).join(',');
  if (!parts.forward_body) return (request) => `{${head(request)}}`;
  if (members.length === 0) return (_request, body) => `{${body}}`;
  return (request, body) => `{${head(request)},${body}}`;
}

/**
 * The members `body`, `body_args` and `body_base64`. A JSON body is put in as it came, so that no number is changed.
 * @throws RequestError BODY_INVALID
 */
export function bodyMembers(kind: Exclude<BodyKind, 'multipart'>, body: Buffer): string {
  if (kind === 'json') {
    const text = jsonText(body);
    return `"body":${JSON.stringify(text)},"body_args":${text}`;
  }
  if (kind === 'binary' || !isUtf8(body)) return base64Members(body, '{}');
  const text = body.toString('utf8');
  return textMembers(text, kind === 'form' ? formJson(text) : '{}');
}

/** The members of a multipart body whose parts were read. */
export function multipartMembers(body: Buffer, args: ArgMap): string {
  const json = args.json();
  return isUtf8(body) ? textMembers(body.toString('utf8'), json) : base64Members(body, json);
}

/** The members of a part of the body, which may be any JSON value. */
export function partMembers(text: string, value: unknown): string {
  return textMembers(text, typeof value === 'object' && value !== null ? text : '{}');
}

/** Returns the fields of a form as a JSON object. @throws RequestError BODY_INVALID */
export function formJson(text: string): string {
  return formArgs(text).json();
}

/**
 * The text of a body that holds a JSON object or array, checked.
 * @throws RequestError BODY_INVALID
 */
export function jsonText(body: Buffer): string {
  const text = utf8Text(body);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new RequestError('BODY_INVALID', 'The body is not valid JSON.', { cause: error });
  }
  if (typeof parsed === 'object' && parsed !== null) return text;
  throw new RequestError('BODY_INVALID', 'The body must be a JSON object or array.');
}

/**
 * Returns the text of a body without the byte order mark that it may begin with, which is no part of JSON (RFC 8259, 8.1).
 * @throws RequestError BODY_INVALID when the bytes are not UTF-8: decoding them anyway would change them
 */
export function utf8Text(body: Buffer): string {
  if (!isUtf8(body)) throw new RequestError('BODY_INVALID', 'The body is not valid UTF-8.');
  const hasMark = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf;
  return body.toString('utf8', hasMark ? 3 : 0);
}

function textMembers(text: string, args: string): string {
  return `"body":${JSON.stringify(text)},"body_args":${args}`;
}

function base64Members(body: Buffer, args: string): string {
  return `"body":"${body.toString('base64')}","body_args":${args},"body_base64":true`;
}

function headersJson(headers: HeaderList): string {
  const args = new ArgMap();
  for (const [name, value] of headers.entries()) args.add(name, headerText(value));
  return args.json();
}
