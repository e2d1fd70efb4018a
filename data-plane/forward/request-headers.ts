import type { HeaderList } from '../plugin-api/header-list.ts';
import { isIdentityHeader } from '../plugin-api/identity-headers.ts';
import { namesOfConnection, takesTrailers } from './hop-by-hop.ts';

/** The facts of a request that its upstream headers are made from. */
export interface ForwardedRequest {
  readonly headers: HeaderList;
  readonly requestId: string;
  /** W3C's trace context that the upstream continues; undefined: the client's, if any. */
  readonly traceparent?: string | undefined;
  /** The client's address, found through trusted proxies. */
  readonly clientAddress: string;
  /** The address of the connection's other end. */
  readonly peerAddress: string;
  /** The peer is in trusted_ips: its X-Forwarded-* headers stay. */
  readonly isPeerTrusted: boolean;
  readonly scheme: 'http' | 'https';
  /** As the client named it, lower case, without the port. */
  readonly host: string;
  readonly port: number;
  /** As received, without the query. */
  readonly path: string;
  /** The part of the path that was stripped; '': none. */
  readonly strippedPrefix: string;
  /** `1.1` or `2.0`. */
  readonly httpVersion: string;
}

/** Names that are written anew; what the client sent under them does not go along, or is kept on purpose below. */
const writtenAnew: ReadonlySet<string> = new Set([
  'host',
  // Answered here: the body is asked for when the upstream takes it.
  'expect',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-path',
  'x-forwarded-prefix',
  'x-real-ip',
  'x-request-id',
  'via',
]);

/** Returns the headers of the upstream request as a flat list: those of the client in order, then those of the proxy. */
export function requestHeaders(request: ForwardedRequest, host: string): string[] {
  const { headers, traceparent } = request;
  const dropped = namesOfConnection(headers.all('connection'));
  const list = ['Host', host];
  for (const [name, value] of headers.entries()) {
    // A client must not have the names of a consumer taken away by writing them into Connection.
    const isDropped = dropped.has(name) && !isIdentityHeader(name);
    const isReplaced = writtenAnew.has(name) || (name === 'traceparent' && traceparent !== undefined);
    if (!isDropped && !isReplaced) list.push(name, value);
  }
  if (traceparent !== undefined) list.push('traceparent', traceparent);
  if (takesTrailers(headers.all('te'))) list.push('te', 'trailers');
  list.push(...forwardedHeaders(request));
  return list;
}

function forwardedHeaders(request: ForwardedRequest): string[] {
  const { headers, isPeerTrusted, strippedPrefix } = request;
  const kept = (name: string, own: string) => (isPeerTrusted ? (headers.get(name) ?? own) : own);
  const list = [
    'X-Forwarded-For',
    [...headers.all('x-forwarded-for'), request.peerAddress].join(', '),
    'X-Forwarded-Proto',
    kept('x-forwarded-proto', request.scheme),
    'X-Forwarded-Host',
    kept('x-forwarded-host', request.host),
    'X-Forwarded-Port',
    kept('x-forwarded-port', String(request.port)),
    'X-Forwarded-Path',
    kept('x-forwarded-path', request.path),
    'X-Real-IP',
    kept('x-real-ip', request.clientAddress),
    'X-Request-Id',
    request.requestId,
    'Via',
    [...headers.all('via'), `${request.httpVersion} sluice`].join(', '),
  ];
  const prefix = isPeerTrusted ? (headers.get('x-forwarded-prefix') ?? strippedPrefix) : strippedPrefix;
  if (prefix !== '') list.push('X-Forwarded-Prefix', prefix);
  return list;
}
