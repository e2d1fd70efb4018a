import type { IncomingMessage } from 'node:http';
import type { LimitName, ListenerLimits } from './listener-limits.ts';
import { isAuthority } from './request-target.ts';

/** Why a request that parses cannot be served. */
export interface RequestFault {
  readonly status: number;
  /** The limit that it is over. */
  readonly limit?: LimitName;
}

/** Returns what is wrong with the framing or the target of a request; undefined when nothing is. */
export function faultOf(request: IncomingMessage, limits: ListenerLimits): RequestFault | undefined {
  // The parser takes 0.9 and 2.0 for versions of the same syntax.
  if (request.httpVersionMajor !== 1) return { status: 505 };
  if (request.rawHeaders.length > 2 * limits.headersMax) return { status: 431, limit: 'headers_max' };
  // RFC 9112, 3.2: a target has no fragment. The parser lets one pass.
  if (request.url?.includes('#') === true) return { status: 400 };
  const coding = request.headers['transfer-encoding'];
  if (coding === undefined) return undefined;
  // RFC 9112, 6.1: framing that HTTP/1.0 does not know; codings that we do not undo.
  if (request.httpVersionMinor === 0) return { status: 400 };
  return coding.toLowerCase() === 'chunked' ? undefined : { status: 501 };
}

/**
 * Returns the request's authority: that of an absolute target, else of the one Host header, which only HTTP/1.0 may leave
 * out (RFC 9112, 3.2). It is undefined when the request has to be refused.
 */
export function authorityOf(request: IncomingMessage): string | undefined {
  const flat = request.rawHeaders;
  let host: string | undefined;
  for (let index = 0; index < flat.length; index += 2) {
    const name = flat[index];
    if (name === undefined || name.length !== 4 || name.toLowerCase() !== 'host') continue;
    if (host !== undefined) return undefined;
    host = flat[index + 1];
  }
  if (host === undefined && request.httpVersionMinor !== 0) return undefined;
  const authority = absoluteAuthority(request.url ?? '') ?? host ?? '';
  return isAuthority(authority) ? authority : undefined;
}

function absoluteAuthority(target: string): string | undefined {
  if (target.startsWith('/')) return undefined;
  return /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?@]*@)?([^/?]*)/i.exec(target)?.[1];
}
