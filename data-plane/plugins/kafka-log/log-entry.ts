import { Readable } from 'node:stream';
import type { Answer, Exchange } from '../../plugin-api/exchange.ts';
import { headerText } from '../../plugin-api/header-text.ts';
import { ArgMap, parseArgs, withArgsReplaced } from '../../plugin-api/query-args.ts';

/** Headers whose values are credentials: entries name them only, as Kong's do. */
const redacted = new Set(['authorization', 'proxy-authorization']);
const redaction = 'REDACTED';

/** The time at which the entry is made, on both clocks. */
export interface EntryTime {
  readonly nowMs: number;
  readonly nowEpochMs: number;
}

/**
 * The entry of one request as JSON text, with the names that Kong's log serialiser uses. Times are milliseconds. Sizes
 * count head and body; a body that says no length counts nothing.
 */
export function logEntry(exchange: Exchange, answer: Answer, { nowMs, nowEpochMs }: EntryTime): string {
  const { route, consumer } = exchange;
  const tookMs = Math.max(0, Math.round(nowMs - exchange.receivedAtMs));
  const parts = [
    `"request":${requestJson(exchange)}`,
    `"response":${responseJson(answer)}`,
    latenciesJson(tookMs, exchange.upstreamLatencyMs),
    `"client_ip":${JSON.stringify(exchange.clientAddress)}`,
    `"started_at":${Math.round(nowEpochMs - (nowMs - exchange.receivedAtMs))}`,
  ];
  if (route !== undefined) parts.push(`"route":${JSON.stringify({ id: route.id, name: route.name })}`);
  if (route !== undefined && route.serviceId !== null) {
    parts.push(`"service":${JSON.stringify({ id: route.serviceId, name: route.serviceName })}`);
  }
  if (consumer !== undefined) {
    const { id, username, customId } = consumer;
    parts.push(`"consumer":${JSON.stringify({ id, username, custom_id: customId })}`);
  }
  return `{${parts.join(',')}}`;
}

function requestJson(exchange: Exchange): string {
  const { method, headers, protocol, host, port, requestId, secrets } = exchange;
  const { target, query } = withoutSecrets(exchange);
  const entries = [...headers.entries()];
  const { args, isTruncated } = parseArgs(query);
  const scheme = protocol === 'https' || protocol === 'grpcs' ? 'https' : 'http';
  const url = `${scheme}://${host}:${port}${target}`;
  const size =
    `${method} ${exchange.target} HTTP/1.1\r\n`.length +
    headBytes(entries) +
    declaredBytes(headers.get('content-length'));
  return (
    `{"id":${JSON.stringify(requestId)},"method":${JSON.stringify(method)},"uri":${JSON.stringify(target)}` +
    `,"url":${JSON.stringify(url)},"size":${size},"querystring":${args.json()}` +
    `${isTruncated ? ',"querystring_truncated":true' : ''},"headers":${headersJson(entries, secrets?.headers)}}`
  );
}

/** Returns the target and its query without the credentials that plugins found in it. */
function withoutSecrets({ target, query, secrets }: Exchange): Pick<Exchange, 'target' | 'query'> {
  if (secrets === undefined || secrets.args.size === 0 || query === '') return { target, query };
  const shown = withArgsReplaced(query, secrets.args, redaction);
  return { target: target.slice(0, target.length - query.length) + shown, query: shown };
}

function responseJson({ status, headers, body }: Answer): string {
  const entries: (readonly [string, string])[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    entries.push([(headers[index] ?? '').toLowerCase(), headers[index + 1] ?? '']);
  }
  const declared = entries.find(([name]) => name === 'content-length')?.[1];
  const bytes = body instanceof Readable ? declaredBytes(declared) : Buffer.byteLength(body);
  const size = `HTTP/1.1 ${status}\r\n`.length + headBytes(entries) + bytes;
  return `{"status":${status},"size":${size},"headers":${headersJson(entries)}}`;
}

/** Names in lower case; a repeated header is an array. */
function headersJson(
  entries: readonly (readonly [name: string, value: string])[],
  secrets: ReadonlySet<string> = redacted,
): string {
  const args = new ArgMap();
  for (const [name, value] of entries) {
    args.add(name, redacted.has(name) || secrets.has(name) ? redaction : headerText(value));
  }
  return args.json();
}

/** Name, colon, space, value and the end of the line; the empty line that ends the head. */
function headBytes(entries: readonly (readonly [name: string, value: string])[]): number {
  return entries.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 2);
}

function declaredBytes(contentLength: string | undefined): number {
  return /^[0-9]{1,15}$/.test(contentLength ?? '') ? Number(contentLength) : 0;
}

/** Kong's latencies in milliseconds; `proxy` is that of the service, -1 where none answered. */
function latenciesJson(tookMs: number, upstreamMs: number | undefined): string {
  const proxyMs = upstreamMs === undefined ? -1 : Math.round(upstreamMs);
  const kongMs = tookMs - Math.max(0, proxyMs);
  return `"latencies":{"request":${tookMs},"kong":${kongMs},"proxy":${proxyMs}}`;
}
