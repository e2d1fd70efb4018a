import { randomUUID } from 'node:crypto';
import type { Upstream as UpstreamEntity } from '../../shared/entities/upstream.ts';
import type { Exchange } from '../plugin-api/exchange.ts';
import { argNamed } from '../plugin-api/query-args.ts';
import { hashText } from '../upstreams/hash-text.ts';

type Input = UpstreamEntity['hash_on'];

export type HashSettings = Pick<
  UpstreamEntity,
  | 'hash_on'
  | 'hash_fallback'
  | 'hash_on_header'
  | 'hash_fallback_header'
  | 'hash_on_cookie'
  | 'hash_on_cookie_path'
  | 'hash_on_query_arg'
  | 'hash_fallback_query_arg'
  | 'hash_on_uri_capture'
  | 'hash_fallback_uri_capture'
>;

export interface HashResult {
  /** undefined: the request has nothing to hash. */
  readonly hash: number | undefined;
  /** A `Set-Cookie` value for the answer, where the client had no cookie to hash on yet. */
  readonly setCookie?: string;
}

const nothing: HashResult = { hash: undefined };

/** Returns what a request is hashed by, as the upstream's `hash_on` and `hash_fallback` say. */
export function createHashInput(settings: HashSettings): (exchange: Exchange) => HashResult {
  const { hash_on: first, hash_fallback: second } = settings;
  if (first === 'none') return () => nothing;
  if (first === 'cookie') return (exchange) => byCookie(exchange, settings);
  const firstText = reader(first, settings.hash_on_header, settings.hash_on_query_arg, settings.hash_on_uri_capture);
  const secondText = reader(
    second,
    settings.hash_fallback_header,
    settings.hash_fallback_query_arg,
    settings.hash_fallback_uri_capture,
  );
  return (exchange) => {
    const text = firstText(exchange) ?? secondText(exchange);
    if (text !== undefined) return { hash: hashText(text) };
    return second === 'cookie' ? byCookie(exchange, settings) : nothing;
  };
}

/** Returns the function that reads one input of a request; undefined from it means that the request lacks the input. */
function reader(
  input: Input,
  header: string | null,
  queryArg: string | null,
  uriCapture: string | null,
): (exchange: Exchange) => string | undefined {
  const name = header?.toLowerCase() ?? '';
  const readers: Readonly<Record<Input, (exchange: Exchange) => string | undefined>> = {
    none: () => undefined,
    // It needs the answer too, so it is read apart.
    cookie: () => undefined,
    consumer: ({ consumer }) => consumer?.id,
    ip: ({ clientAddress }) => clientAddress,
    path: ({ path }) => path,
    header: ({ headers }) => joinedOrNone(headers.all(name)),
    query_arg: ({ query }) => argText(query, queryArg ?? ''),
    uri_capture: ({ route }) => route?.captures[uriCapture ?? ''],
  };
  return readers[input];
}

function joinedOrNone(values: readonly string[]): string | undefined {
  return values.length === 0 ? undefined : values.join(', ');
}

function argText(query: string, name: string): string | undefined {
  const value = argNamed(query, name);
  return value === undefined ? undefined : JSON.stringify(value);
}

/** A client without the cookie is given one, so that its next requests go to the same endpoint. */
function byCookie(exchange: Exchange, settings: HashSettings): HashResult {
  const { hash_on_cookie: name, hash_on_cookie_path: path } = settings;
  if (name === null) return nothing;
  const sent = cookieOf(exchange.headers.all('cookie'), name);
  if (sent !== undefined) return { hash: hashText(sent) };
  const made = randomUUID();
  return { hash: hashText(made), setCookie: `${name}=${made}; Path=${path}; HttpOnly` };
}

function cookieOf(lines: readonly string[], name: string): string | undefined {
  for (const line of lines) {
    for (const pair of line.split(';')) {
      const at = pair.indexOf('=');
      if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
    }
  }
  return undefined;
}
