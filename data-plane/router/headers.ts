import { RE2JS } from 're2js';
import { type RoutableHeaders, RouteCompileError } from './route.ts';

/** One named header of a route: any of the request's values has to be any of `values`, or to match `regex`. */
export interface HeaderMatcher {
  /** Lower case. */
  readonly name: string;
  readonly values: ReadonlySet<string>;
  readonly regex: RE2JS | null;
}

/** @throws RouteCompileError for a bad regular expression. */
export function compileHeader(name: string, values: readonly string[]): HeaderMatcher {
  const only = values.length === 1 ? values[0] : undefined;
  if (only === undefined || !only.startsWith('~*')) {
    return { name: name.toLowerCase(), values: new Set(values.map((value) => value.toLowerCase())), regex: null };
  }
  try {
    const regex = RE2JS.compile(only.slice(2), RE2JS.CASE_INSENSITIVE);
    return { name: name.toLowerCase(), values: new Set(), regex };
  } catch (error) {
    const message = `invalid regex: ${error instanceof Error ? error.message : ''}`;
    throw new RouteCompileError([{ path: ['headers', name, 0], message }]);
  }
}

/** Every named header has to match. */
export function headersMatch(matchers: readonly HeaderMatcher[], headers: RoutableHeaders): boolean {
  for (const matcher of matchers) {
    if (!anyValueMatches(matcher, headers.all(matcher.name))) return false;
  }
  return true;
}

function anyValueMatches(matcher: HeaderMatcher, values: readonly string[]): boolean {
  for (const value of values) {
    if (matcher.regex === null ? matcher.values.has(value.toLowerCase()) : matcher.regex.test(value)) return true;
  }
  return false;
}
