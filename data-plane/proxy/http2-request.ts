import type { ListenerLimits } from './listener-limits.ts';
import { isAuthority } from './request-target.ts';

/** The head of an HTTP/2 request, checked. */
export interface Http2Head {
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  /** Flat list of the header fields, without the pseudo-header fields. */
  readonly headers: string[];
}

export type ParsedHead =
  | { readonly kind: 'head'; readonly head: Http2Head }
  | { readonly kind: 'refused'; readonly status: number; readonly limit?: 'headers_max' | 'header_bytes_max' };

const methodPattern = /^[A-Z][A-Z-]*$/;

/** Each header field counts 32 bytes more than its texts (RFC 9113, 6.5.2). */
const fieldOverheadBytes = 32;

/**
 * Reads the head of a request from the flat list of its fields. The HTTP/2 library has checked the names and values and
 * the place of the pseudo-header fields; what remains is what routing and plugins rely on.
 */
export function parseHead(rawHeaders: readonly string[], limits: ListenerLimits): ParsedHead {
  const pseudo: Record<string, string> = {};
  const headers: string[] = [];
  const cookies: string[] = [];
  let bytes = 0;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    const value = rawHeaders[index + 1] ?? '';
    bytes += name.length + value.length + fieldOverheadBytes;
    if (name.startsWith(':')) pseudo[name] = value;
    // RFC 9113, 8.2.3: a cookie may come in pieces.
    else if (name === 'cookie') cookies.push(value);
    else headers.push(name, value);
  }
  if (bytes > limits.headerBytesMax) return { kind: 'refused', status: 431, limit: 'header_bytes_max' };
  if (rawHeaders.length > 2 * limits.headersMax) return { kind: 'refused', status: 431, limit: 'headers_max' };
  if (cookies.length > 0) headers.push('cookie', cookies.join('; '));
  return checkHead(pseudo, headers);
}

function checkHead(pseudo: Readonly<Record<string, string>>, headers: string[]): ParsedHead {
  const method = pseudo[':method'] ?? '';
  const target = pseudo[':path'] ?? '';
  if (method === 'CONNECT') return { kind: 'refused', status: 405 };
  const isTarget = target.startsWith('/') || (method === 'OPTIONS' && target === '*');
  if (!methodPattern.test(method) || !isTarget || target.includes('#')) return { kind: 'refused', status: 400 };
  const hosts = headers.filter((_text, index) => index % 2 === 1 && headers[index - 1] === 'host');
  const authority = pseudo[':authority'] ?? hosts[0] ?? '';
  // RFC 9113, 8.3.1: both may be there, and must then name the same.
  const isSame = hosts.every((host) => host.toLowerCase() === authority.toLowerCase());
  if (!isSame || hosts.length > 1 || !isAuthority(authority)) return { kind: 'refused', status: 400 };
  // Plugins and upstreams look for the name where HTTP/1.1 has it.
  if (hosts.length === 0 && authority !== '') headers.push('host', authority);
  return { kind: 'head', head: { method, target, authority, headers } };
}
