import type { OutgoingHttpHeaders } from 'node:http2';

/** Header fields that belong to a connection of HTTP/1.1 (RFC 9113, 8.2.2). */
const connectionHeaders: ReadonlySet<string> = new Set([
  'connection',
  'upgrade',
  'keep-alive',
  'transfer-encoding',
  'proxy-connection',
]);

/** Returns whether HTTP/2 has no such header; `name` in lower case. */
export function isConnectionHeader(name: string): boolean {
  return connectionHeaders.has(name);
}

/** Returns header fields as HTTP/2 takes them: names in lower case, none that belongs to a connection. */
export function fieldsOf(flat: readonly string[]): OutgoingHttpHeaders {
  const fields: OutgoingHttpHeaders = {};
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const name = (flat[index] ?? '').toLowerCase();
    const value = flat[index + 1] ?? '';
    if (connectionHeaders.has(name)) continue;
    const known = fields[name];
    if (known === undefined) fields[name] = value;
    else fields[name] = Array.isArray(known) ? [...known, value] : [String(known), value];
  }
  return fields;
}
