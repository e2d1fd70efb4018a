import { normalizePath } from '../../shared/path.ts';
import type { HeaderList } from '../plugin-api/header-list.ts';
import { splitPort } from '../router/host.ts';

/** Splits a target into its normalised path and its raw query. */
export function splitTarget(target: string): { readonly path: string; readonly query: string } {
  const question = target.indexOf('?');
  if (question === -1) return { path: normalizePath(target), query: '' };
  return { path: normalizePath(target.slice(0, question)), query: target.slice(question + 1) };
}

/** Splits an authority into its host in lower case and the port, where it names one. */
export function splitAuthority(authority: string): { readonly host: string; readonly port: number | null } {
  const { name, port } = splitPort(authority);
  return { host: name.toLowerCase(), port };
}

/** Whether a proxy says that its client came over TLS. */
export function claimsHttps(headers: HeaderList): boolean {
  return headers.get('x-forwarded-proto')?.toLowerCase() === 'https';
}

/** RFC 3986, 3.2: host and port. */
const authorityPattern = /^[A-Za-z0-9\-._~!$&'()*+,;=%:[\]]*$/;

/** A name of the DNS with a port. */
const authorityCharsMax = 259;

export function isAuthority(text: string): boolean {
  return text.length <= authorityCharsMax && authorityPattern.test(text);
}

/** Returns path and query of `http://host/path?query` (RFC 9112, 3.2.2), and any other target as it is. */
export function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  const scheme = target.indexOf('://');
  if (scheme === -1) return target;
  const start = target.slice(scheme + 3).search(/[/?]/);
  if (start === -1) return '/';
  const rest = target.slice(scheme + 3 + start);
  return rest.startsWith('?') ? `/${rest}` : rest;
}

/** Returns a target with another query; `''`: without one. */
export function withQuery(target: string, query: string): string {
  const question = target.indexOf('?');
  const path = question === -1 ? target : target.slice(0, question);
  return query === '' ? path : `${path}?${query}`;
}
