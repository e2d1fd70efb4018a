/** A host of a route, taken apart. `text` is what the index looks up: for wildcards the fixed part with its dot. */
export interface HostPattern {
  readonly kind: 'plain' | 'suffix' | 'prefix';
  readonly text: string;
  /** null: any port. */
  readonly port: number | null;
}

/** `example.com`, `*.example.com` (suffix), `example.*` (prefix), each with an optional `:port`. */
export function parseHost(host: string): HostPattern {
  const lower = host.toLowerCase();
  const { name, port } = splitPort(lower);
  if (name.startsWith('*.')) return { kind: 'suffix', text: name.slice(1), port };
  if (name.endsWith('.*')) return { kind: 'prefix', text: name.slice(0, -1), port };
  return { kind: 'plain', text: name, port };
}

/** Splits the value of a Host header or a route's host; IPv6 literals keep their brackets. */
export function splitPort(host: string): { name: string; port: number | null } {
  const colon = host.lastIndexOf(':');
  if (colon === -1 || host.indexOf(']', colon) !== -1) return { name: host, port: null };
  const port = Number(host.slice(colon + 1));
  return Number.isInteger(port) && colon < host.length - 1 && port <= 65_535
    ? { name: host.slice(0, colon), port }
    : { name: host, port: null };
}
