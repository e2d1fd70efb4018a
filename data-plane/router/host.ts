/** The parts of a route's host. `text` is what the index looks up: for wildcards the fixed part with its dot. */
export interface HostPattern {
  readonly kind: 'plain' | 'suffix' | 'prefix';
  readonly text: string;
  /** null: any port. */
  readonly port: number | null;
}

/** `example.com`, `*.example.com` (suffix), `example.*` (prefix), each with an optional `:port`. */
export function parseHost(host: string): HostPattern {
  // Requests name IPv6 addresses in brackets only; routes may leave them out where there is no port.
  const isBareIpv6 = host.indexOf(':') !== host.lastIndexOf(':') && !host.startsWith('[');
  const lower = isBareIpv6 ? `[${host.toLowerCase()}]` : host.toLowerCase();
  const { name, port } = splitPort(lower);
  if (name.startsWith('*.')) return { kind: 'suffix', text: name.slice(1), port };
  if (name.endsWith('.*')) return { kind: 'prefix', text: name.slice(0, -1), port };
  return { kind: 'plain', text: name, port };
}

/** Splits the value of a Host header or a route's host; IPv6 literals keep their brackets. */
export function splitPort(host: string): { name: string; port: number | null } {
  const colon = host.lastIndexOf(':');
  if (colon === -1 || host.indexOf(']', colon) !== -1) return { name: host, port: null };
  const digits = host.slice(colon + 1);
  // RFC 3986 section 3.2.3: a port may be empty, which is none.
  if (digits === '') return { name: host.slice(0, colon), port: null };
  const port = Number(digits);
  return onlyDigits.test(digits) && port <= 65_535 ? { name: host.slice(0, colon), port } : { name: host, port: null };
}

const onlyDigits = /^\d{1,5}$/;

/**
 * A test for server names of TLS handshakes: plain or with a wildcard, as hosts. A handshake's name has no dot at its
 * end (RFC 6066 section 3), so one of the route's is dropped.
 */
export function compileServerNames(names: readonly string[]): (name: string) => boolean {
  const patterns = names.map((name) => parseHost(name.endsWith('.') ? name.slice(0, -1) : name));
  const plain = new Set(patterns.filter(({ kind }) => kind === 'plain').map(({ text }) => text));
  const wildcards = patterns.filter(({ kind }) => kind !== 'plain');
  return (name) => plain.has(name) || wildcards.some((pattern) => wildcardMatches(pattern, name));
}

function wildcardMatches({ kind, text }: HostPattern, name: string): boolean {
  return name.length > text.length && (kind === 'suffix' ? name.endsWith(text) : name.startsWith(text));
}
