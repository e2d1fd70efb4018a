import type { KafkaUpstreamConfig } from '../../../shared/plugin-schemas/kafka-upstream.ts';
import type { RecordHeader } from '../../kafka/kafka-client.ts';
import type { HeaderList } from '../../plugin-api/header-list.ts';
import { isAscii } from '../../plugin-api/header-text.ts';

/**
 * `traceparent` is that of the record's own span, which takes the place of the one that came. `secrets`: further headers
 * that hold a credential, in lower case.
 */
export type RecordHeadersOf = (
  headers: HeaderList,
  traceparent?: string,
  secrets?: ReadonlySet<string>,
) => readonly RecordHeader[];

const noHeaders: readonly RecordHeader[] = [];
const traceHeader = 'traceparent';

/**
 * Compiles which request headers become record headers, and under which names. Names are compared without case and stand in lower case
 * unless a mapping says otherwise. The trace context goes along even where it is not listed or is excluded; being one
 * value by W3C's rules, its first is taken.
 */
export function compileRecordHeaders(config: KafkaUpstreamConfig['headers']): RecordHeadersOf {
  if (!config.forward_http_headers_as_record_headers) return () => noHeaders;
  const names = new Map(Object.entries(config.name_mappings).map(([from, to]) => [from.toLowerCase(), to]));
  const traceName = names.get(traceHeader) ?? traceHeader;
  const excluded = lowerCased(config.exclude_headers);
  const included = lowerCased(config.include_headers);
  const forwardAll = config.forward_all_by_default;
  const byPrefix = compilePrefixes(config.prefix_mappings);
  if (!forwardAll && byPrefix === null && [...included].every((name) => name === traceHeader || excluded.has(name))) {
    return (headers, traceparent) => {
      const trace = traceparent ?? headers.get(traceHeader);
      return trace === undefined ? noHeaders : [recordHeader(traceName, trace)];
    };
  }
  const forwards = (name: string): boolean =>
    name === traceHeader ||
    (!excluded.has(name) &&
      (included.has(name) || (!secretHeaders.has(name) && (forwardAll || byPrefix?.(name) !== undefined))));
  const collect = collectors[config.repeated_headers_behavior];
  return (headers, traceparent, secrets) => {
    const kept: [name: string, value: string][] = traceparent === undefined ? [] : [[traceHeader, traceparent]];
    let hasTrace = traceparent !== undefined;
    for (const [name, value] of headers.entries()) {
      if (!forwards(name) || (name === traceHeader && hasTrace)) continue;
      if (secrets?.has(name) === true && !included.has(name)) continue;
      hasTrace ||= name === traceHeader;
      kept.push([name, value]);
    }
    return collect(kept).map(([name, value]) => recordHeader(names.get(name) ?? byPrefix?.(name) ?? name, value));
  };
}

/** Headers that show who the client is. They become record headers only where `include_headers` names them. */
const secretHeaders: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization', 'cookie']);

/** Compiles the names that headers get by their prefix, the longest one first; null where there is no prefix. */
function compilePrefixes(mappings: Readonly<Record<string, string>>): ((name: string) => string | undefined) | null {
  const prefixes = Object.entries(mappings)
    .map(([from, to]) => ({ from: from.toLowerCase(), to }))
    .sort((a, b) => b.from.length - a.from.length);
  if (prefixes.length === 0) return null;
  return (name) => {
    const found = prefixes.find(({ from }) => name.startsWith(from));
    if (found === undefined || secretHeaders.has(name)) return undefined;
    // A name that is nothing but a prefix to be taken off stays as it is.
    return found.to + name.slice(found.from.length) || name;
  };
}

type Pairs = readonly (readonly [name: string, value: string])[];

/** Repeats are those of one request header; two headers that are mapped to one name both stay. */
const collectors: Readonly<
  Record<KafkaUpstreamConfig['headers']['repeated_headers_behavior'], (pairs: Pairs) => Pairs>
> = {
  retain_duplicates: (pairs) => pairs,
  take_first: (pairs) => merged(pairs, (first) => first),
  concatenate_by_comma: (pairs) => merged(pairs, (first, next) => `${first},${next}`),
};

function merged(pairs: Pairs, merge: (first: string, next: string) => string): Pairs {
  const values = new Map<string, string>();
  for (const [name, value] of pairs) {
    const known = values.get(name);
    values.set(name, known === undefined ? value : merge(known, value));
  }
  return [...values];
}

/** Node gives each byte of a value as one character; the record gets the bytes that came. */
function recordHeader(name: string, value: string): RecordHeader {
  return { name, value: isAscii(value) ? value : Buffer.from(value, 'latin1') };
}

function lowerCased(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.map((name) => name.toLowerCase()));
}
