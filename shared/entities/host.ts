import { isIP } from 'node:net';

/** Without the bound of 63 characters, as in Kong. */
const label = '[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?';
const namePattern = new RegExp(`^${label}(?:\\.${label})*\\.?$`);
const hostLengthMax = 253;

/** A host name or an address: what a service connects to. */
export function checkHost(host: string): string | undefined {
  return isIP(unbracketed(host)) > 0 || isHostName(host) ? undefined : `invalid value: ${host}`;
}

/** A route's host: a name or an address, with an optional port; one `*` may stand for the first or the last label. */
export function checkRouteHost(host: string): string | undefined {
  if (isIP(host) > 0) return undefined;
  const [, name = '', port] = /^(.*?)(?::([^:\]]*))?$/.exec(host) ?? [];
  if (port !== undefined && !isPort(port)) return 'invalid port: must be between 0 and 65535';
  if (isIP(unbracketed(name)) > 0) return undefined;
  return checkWildcardName(name, host);
}

/** A name or an address with an optional port, taken apart; undefined when it is none. IPv6 addresses lose their brackets. */
export function splitHostPort(text: string): { readonly host: string; readonly port: number | undefined } | undefined {
  if (isIP(text) > 0) return { host: text, port: undefined };
  const [, name = '', port] = /^(.*?)(?::([^:\]]*))?$/.exec(text) ?? [];
  if (port !== undefined && !isPort(port)) return undefined;
  const host = unbracketed(name);
  if (isIP(host) === 0 && !isHostName(name)) return undefined;
  return { host, port: port === undefined ? undefined : Number(port) };
}

/** A Host header. */
export function checkHostWithPort(text: string): string | undefined {
  return splitHostPort(text) === undefined ? `invalid value: ${text}` : undefined;
}

/** The name of an upstream: a host name and nothing else. */
export function checkUpstreamName(name: string): string | undefined {
  const parts = splitHostPort(name);
  if (parts === undefined) return `Invalid name ('${name}'); must be a valid hostname`;
  if (isIP(parts.host) > 0) return `Invalid name ('${name}'); no ip addresses allowed`;
  return parts.port === undefined ? undefined : `Invalid name ('${name}'); no port allowed`;
}

/** A server name of TLS: as a route's host, without address and port (RFC 6066 section 3). */
export function checkServerName(name: string): string | undefined {
  if (isIP(unbracketed(name)) > 0) return 'must not be an IP';
  if (name.includes(':')) return 'must not have a port';
  return checkWildcardName(name, name);
}

function checkWildcardName(name: string, whole: string): string | undefined {
  const stars = name.split('*').length - 1;
  if (stars === 0) return isHostName(name) ? undefined : `invalid value: ${whole}`;
  if (stars > 1) return 'invalid wildcard: must have at most one wildcard';
  const rest = name.startsWith('*.') ? name.slice(2) : name.endsWith('.*') ? name.slice(0, -2) : undefined;
  if (rest === undefined) return 'invalid wildcard: must be placed at leftmost or rightmost label';
  return isHostName(rest) ? undefined : `invalid value: ${whole}`;
}

function isHostName(name: string): boolean {
  // Digits and dots alone are meant as an IPv4 address, and whoever gets here found that they are none.
  return name.length <= hostLengthMax && namePattern.test(name) && !/^[\d.]+$/.test(name);
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535;
}

function unbracketed(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}
