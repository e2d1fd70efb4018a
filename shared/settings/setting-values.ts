import { isIP } from 'node:net';

/** The address that a node listens on; `off`: it does not listen. Port 0: any free port. */
export type ListenAddress = { readonly host: string; readonly port: number } | 'off';

/** An address of which the node knows whether somebody chose it. */
export type OptionalListenAddress =
  { readonly host: string; readonly port: number; readonly isDefault?: boolean } | 'off';

/** Reads the text of a setting; throws a `ValueError` that says what was expected. `isDefault`: nobody wrote it. */
export type ParseValue<T> = (text: string, isDefault?: boolean) => T;

/** The message says what was expected and never repeats the value: it may be a secret. */
export class ValueError extends Error {}

const sizeUnits: Readonly<Record<string, number>> = { '': 1, kb: 1024, mb: 1024 * 1024 };
const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export function oneOf<const T extends readonly string[]>(...values: T): ParseValue<T[number]> {
  return (text) => {
    const value = values.find((candidate) => candidate === text);
    if (value === undefined) throw new ValueError(`expected one of: ${values.join(', ')}`);
    return value;
  };
}

export function text(value: string): string {
  return value;
}

/** Fits into an HTTP header: visible ASCII. */
export function token(value: string): string {
  if (!/^[\x21-\x7e]+$/.test(value)) throw new ValueError('expected visible ASCII characters without spaces');
  return value;
}

export function boolean(value: string): boolean {
  return oneOf('true', 'false')(value) === 'true';
}

/** A whole number. */
export function count(value: string): number {
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw new ValueError('expected a whole number');
  return number;
}

/** The beginning of names of environment variables, such as `KAFKA_`. */
export function variablePrefix(value: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(value)) throw new ValueError('expected letters, digits and underscores');
  return value;
}

/** Bytes: `500`, `64kb`, `1mb`. */
export function size(value: string): number {
  return scaled(value, sizeUnits, 'expected a size such as 65536, 64kb or 1mb');
}

/** Milliseconds: `250ms`, `30s`, `5m`, `1h`, `14d`. */
export function duration(value: string): number {
  return scaled(value, durationUnits, 'expected a duration such as 250ms, 30s, 5m, 1h or 14d');
}

function scaled(value: string, units: Readonly<Record<string, number>>, expected: string): number {
  const match = /^(\d+)([a-z]*)$/.exec(value);
  const unit = units[match?.[2] ?? '?'];
  const amount = Number(match?.[1]) * (unit ?? Number.NaN);
  if (!Number.isSafeInteger(amount)) throw new ValueError(expected);
  return amount;
}

/** Makes a parser that refuses what lies outside of these bounds. */
export function between(parse: ParseValue<number>, min: number, max: number, shown: string): ParseValue<number> {
  return (value) => {
    const number = parse(value);
    if (number < min || number > max) throw new ValueError(`value should be between ${shown}`);
    return number;
  };
}

/** `auto` or a number of processes. */
export function workers(value: string): number | 'auto' {
  if (value === 'auto') return 'auto';
  if (!/^[1-9]\d{0,2}$/.test(value)) throw new ValueError('expected auto or a number from 1 to 999');
  return Number(value);
}

/** As `listener`; tells whether the address is the default, which a node may do without. */
export function optionalListener(value: string, isDefault = false): OptionalListenAddress {
  const address = listener(value);
  return address === 'off' ? address : { ...address, isDefault };
}

/** `host:port`, `[::1]:port` or `off`; port 0 is any free one. */
export function listener(value: string): ListenAddress {
  if (value === 'off') return 'off';
  return hostAndPort(value, 0, 'expected host:port, [IPv6]:port or off');
}

/** `host:port,host:port` as texts; every port is a real one. */
export function addressList(value: string): readonly string[] {
  const parts = list(value);
  for (const part of parts) hostAndPort(part, 1, 'expected host:port, several comma separated');
  return parts;
}

function hostAndPort(value: string, portMin: number, expected: string): { host: string; port: number } {
  const match = /^(?:\[(?<ipv6>[^\]]+)\]|(?<host>[^:[\]]+)):(?<port>\d{1,5})$/.exec(value);
  const { ipv6, host, port: portText } = match?.groups ?? {};
  const port = Number(portText);
  const isHost = ipv6 !== undefined ? isIP(ipv6) === 6 : host !== undefined && isHostName(host);
  if (!isHost || !(port >= portMin && port <= 65_535)) throw new ValueError(expected);
  return { host: ipv6 ?? host ?? '', port };
}

/** An IPv4 address or a name of RFC 1123; four bare numbers that are no address are a slip. */
function isHostName(host: string): boolean {
  if (/^[\d.]+$/.test(host)) return isIP(host) === 4;
  return host.length <= 253 && host.split('.').every((label) => /^[a-z\d]([a-z\d_-]{0,61}[a-z\d])?$/i.test(label));
}

/** Comma separated, each part not empty. */
export function list(value: string): readonly string[] {
  const parts = value.split(',').map((part) => part.trim());
  if (parts.includes('')) throw new ValueError('expected a comma separated list without empty parts');
  return parts;
}

/** Names that browsers may put into Host. */
export function hostList(value: string): readonly string[] {
  const hosts = list(value);
  if (!hosts.every((host) => isHostName(host) || isIP(host.replaceAll(/^\[|\]$/g, '')) === 6)) {
    throw new ValueError('expected host names or addresses without port, comma separated');
  }
  return hosts;
}

/** Browser origins: scheme, host and port, nothing more. */
export function originList(value: string): readonly string[] {
  const origins = list(value);
  const isOrigin = (origin: string) => URL.canParse(origin) && new URL(origin).origin === origin;
  if (!origins.every(isOrigin)) throw new ValueError('expected origins such as https://host:port, comma separated');
  return origins;
}

/** `10.0.0.0/8,::1/128`; an address alone stands for itself. */
export function cidrList(value: string): readonly string[] {
  const cidrs = list(value);
  const isCidr = (cidr: string) => {
    const [address = '', prefix, ...more] = cidr.split('/');
    const family = isIP(address);
    if (family === 0 || more.length > 0) return false;
    return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
  };
  if (!cidrs.every(isCidr)) throw new ValueError('expected addresses or CIDRs such as 10.0.0.0/8, comma separated');
  return cidrs;
}

/** `key=value,key=value` */
export function labels(value: string): Readonly<Record<string, string>> {
  const pairs = list(value).map((part) => /^(?<key>[\w.\-/]+)=(?<value>[\w.\-/]*)$/.exec(part)?.groups);
  const result = new Map<string, string>();
  for (const pair of pairs) {
    const key = pair?.['key'];
    if (key === undefined || result.has(key)) {
      throw new ValueError('expected key=value, comma separated, of letters, digits and ._-/, each key once');
    }
    result.set(key, pair?.['value'] ?? '');
  }
  return Object.fromEntries(result);
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
