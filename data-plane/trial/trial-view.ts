import { isUtf8 } from 'node:buffer';
import type { Answer } from '../plugin-api/exchange.ts';
import type { TrialRecord } from '../plugin-api/trial.ts';

/** Bytes of values that are shown in all. */
const valueBytesMax = 48 * 1024;
const recordsMax = 20;
const textCharsMax = 16 * 1024;
const headersMax = 100;

/** Shows records within the bounds of an answer: values are cut, and records beyond the first 20 are only counted. */
export function recordViews(records: readonly TrialRecord[]): object {
  const shown = records.slice(0, recordsMax);
  const share = Math.floor(valueBytesMax / Math.max(1, shown.length));
  return {
    records: shown.map((record) => recordView(record, share)),
    ...(records.length > shown.length ? { records_total: records.length } : {}),
  };
}

function recordView({ topic, record, partition, cluster }: TrialRecord, bytesMax: number): object {
  const { key, value, headers, timestampMs } = record;
  return {
    topic,
    cluster,
    partition,
    key: key === null ? null : bytesView(key, bytesMax),
    headers: headers.slice(0, headersMax).map(({ name, value: text }) => ({
      name,
      value: (typeof text === 'string' ? text : Buffer.from(text ?? '').toString()).slice(0, 1_000),
    })),
    ...(timestampMs === undefined ? {} : { timestamp: timestampMs }),
    value: value === null ? null : bytesView(value, bytesMax),
  };
}

/** Shows bytes as base64, as text where they are text, as JSON where they are that, and the schema's id where they begin with one. */
function bytesView(bytes: Buffer, bytesMax: number): object {
  const isFramed = bytes.length > 5 && bytes[0] === 0;
  const cut = bytes.subarray(0, bytesMax);
  const text = isUtf8(bytes) && !isFramed ? bytes.toString() : undefined;
  return {
    bytes: bytes.length,
    ...(isFramed ? { schema_id: bytes.readUInt32BE(1) } : {}),
    ...(text === undefined ? { base64: cut.toString('base64') } : { text: text.slice(0, bytesMax) }),
    ...(text !== undefined && text.length <= bytesMax ? jsonOf(text) : {}),
    ...(bytes.length > bytesMax ? { cut: true } : {}),
  };
}

function jsonOf(text: string): { readonly json?: unknown } {
  try {
    const json: unknown = JSON.parse(text);
    return { json };
  } catch {
    return {};
  }
}

/** Shows the answer that the client would get. */
export function answerView({ status, headers, body, result }: Answer): object {
  const pairs: (readonly [string, string])[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2)
    pairs.push([headers[index] ?? '', headers[index + 1] ?? '']);
  const text = typeof body === 'string' ? body : Buffer.isBuffer(body) ? body.toString() : '';
  return {
    status,
    headers: pairs.slice(0, headersMax).map(([name, value]) => ({ name, value: value.slice(0, 1_000) })),
    body: text.slice(0, textCharsMax),
    ...(result === undefined ? {} : { outcome: result.outcome }),
    ...(result?.error === undefined ? {} : { code: result.error.code }),
  };
}
