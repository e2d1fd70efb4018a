import { isRecord } from './schema/is-record.ts';
import type { FieldFault } from './schema/field.ts';

/** A sample request that a node runs without sending anything. */
export interface TryRequest {
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  readonly protocol: 'http' | 'https' | 'grpc' | 'grpcs';
  readonly host: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  readonly clientAddress: string;
  /** Id or username of the consumer that stands in for authentication. */
  readonly asConsumer: string | undefined;
  /** A plugin that is not saved, as the Admin API takes it. */
  readonly plugin: { readonly name: string; readonly config: unknown } | undefined;
}

export type ParsedTry =
  | { readonly kind: 'request'; readonly request: TryRequest }
  | { readonly kind: 'faults'; readonly faults: readonly FieldFault[] };

const protocols = ['http', 'https', 'grpc', 'grpcs'] as const;
const known = [
  'method',
  'path',
  'protocol',
  'host',
  'headers',
  'body',
  'body_base64',
  'client_address',
  'as_consumer',
  'plugin',
];
/** RFC 9110, section 5.6.2. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** A header's value: no control characters but the tab. */
// oxlint-disable-next-line no-control-regex
const headerValue = /^[^\x00-\x08\x0a-\x1f\x7f]*$/;
const headersMax = 200;

/** Reads the body of a try. Every fault at once. */
export function parseTry(input: Readonly<Record<string, unknown>>): ParsedTry {
  const faults: FieldFault[] = [];
  const fault = (path: readonly string[], message: string): undefined => void faults.push({ path, message });
  for (const name of Object.keys(input)) if (!known.includes(name)) fault([name], 'unknown field');
  const text = (name: string, fallback: string, pattern: RegExp, message: string): string => {
    const value = input[name] ?? fallback;
    if (typeof value === 'string' && pattern.test(value)) return value;
    fault([name], message);
    return fallback;
  };
  const protocolName = input['protocol'] ?? 'http';
  const protocol = protocols.find((one) => one === protocolName);
  if (protocol === undefined) fault(['protocol'], `expected one of: ${protocols.join(', ')}`);
  const request: TryRequest = {
    method: text('method', 'POST', token, 'expected a method such as POST').toUpperCase(),
    path: text('path', '', /^\/[^\s#]*$/, 'expected a path that starts with: /'),
    protocol: protocol ?? 'http',
    host: text('host', 'localhost', /^[^\s/@]{1,259}$/, 'expected a host'),
    headers: headersOf(input['headers'], fault),
    body: bodyOf(input, fault),
    clientAddress: text('client_address', '127.0.0.1', /^[0-9A-Fa-f.:]{2,45}$/, 'expected an IP address'),
    asConsumer: input['as_consumer'] === undefined ? undefined : text('as_consumer', '', /./, 'expected a string'),
    plugin: pluginOf(input['plugin'], fault),
  };
  return faults.length === 0 ? { kind: 'request', request } : { kind: 'faults', faults };
}

type Fault = (path: readonly string[], message: string) => undefined;

function headersOf(headers: unknown, fault: Fault): [string, string][] {
  if (headers === undefined || headers === null) return [];
  if (!isRecord(headers)) return fault(['headers'], 'expected a record of header names and values') ?? [];
  const pairs: [string, string][] = [];
  for (const [name, given] of Object.entries(headers)) {
    const values: readonly unknown[] = Array.isArray(given) ? given : [given];
    for (const value of values) {
      if (typeof value !== 'string' || !headerValue.test(value) || !token.test(name)) {
        fault(['headers', name], 'expected a header name with a string or strings');
      } else pairs.push([name, value]);
    }
  }
  if (pairs.length > headersMax) fault(['headers'], `expected at most ${headersMax} headers`);
  return pairs;
}

/** A string is the body itself; any other value is sent as JSON; `body_base64` holds bytes. */
function bodyOf({ body, body_base64: base64 }: Readonly<Record<string, unknown>>, fault: Fault): Buffer {
  if (base64 !== undefined && body !== undefined) fault(['body_base64'], "not together with 'body'");
  if (base64 !== undefined) {
    if (typeof base64 === 'string' && /^[A-Za-z0-9+/]*={0,2}$/.test(base64)) return Buffer.from(base64, 'base64');
    fault(['body_base64'], 'expected base64');
    return Buffer.alloc(0);
  }
  if (body === undefined) return Buffer.alloc(0);
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

function pluginOf(plugin: unknown, fault: Fault): TryRequest['plugin'] {
  if (plugin === undefined || plugin === null) return undefined;
  if (!isRecord(plugin)) return fault(['plugin'], 'expected a record');
  const { name, config = {} } = plugin;
  if (typeof name !== 'string') return fault(['plugin', 'name'], 'required field missing');
  return { name, config };
}

const credentialHeaders = /^(authorization|proxy-authorization|cookie|apikey|api-key|x-api-key|.*token.*|.*secret.*)$/i;

/** Returns the sample as the audit log keeps it: without its body, and with credentials masked. */
export function auditedTry({ method, path, protocol, host, headers, asConsumer, plugin, body }: TryRequest): object {
  return {
    method,
    // A credential may stand in the query.
    path: path.split('?', 1)[0],
    protocol,
    host,
    headers: Object.fromEntries(
      headers.map(([name, value]) => [name, credentialHeaders.test(name) ? '******' : value.slice(0, 200)]),
    ),
    body_bytes: body.length,
    ...(asConsumer === undefined ? {} : { as_consumer: asConsumer }),
    ...(plugin === undefined ? {} : { plugin: plugin.name }),
  };
}
