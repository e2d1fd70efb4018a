import { RE2JS } from 're2js';
import { normalizePath } from '../../shared/path.ts';
import { type Captures, RouteCompileError } from './route.ts';

/** The condition of one path of a route on a request's path. */
export type PathMatcher =
  | { readonly kind: 'prefix'; readonly prefix: string }
  | {
      readonly kind: 'regex';
      /** Text that every matching path starts with: its place in the index. */
      readonly prefix: string;
      readonly regex: RE2JS;
      readonly hasGroups: boolean;
    };

export const noCaptures: Captures = Object.freeze({});

/** Compiles one element of a route's `paths`. @throws RouteCompileError with the position given. */
export function compilePath(path: string, position: number): PathMatcher {
  if (!path.startsWith('~')) return { kind: 'prefix', prefix: normalizePath(encodeUtf8(path)) };
  const pattern = path.slice(1);
  try {
    // A group keeps alternatives of the top level inside the anchor.
    const regex = RE2JS.compile(`^(?:${pattern})`);
    return { kind: 'regex', prefix: literalPrefix(pattern), regex, hasGroups: regex.groupCount() > 0 };
  } catch (error) {
    const message = `invalid regex: ${error instanceof Error ? error.message : ''}`;
    throw new RouteCompileError([{ path: ['paths', position], message }]);
  }
}

/** Whether the path matches, given that it starts with `matcher.prefix`. */
export function pathMatches(matcher: PathMatcher, path: string): boolean {
  return matcher.kind === 'prefix' || matcher.regex.test(path);
}

/** Captures of a path that matched. Groups that took no part are left out. */
export function capturesOf(matcher: PathMatcher, path: string): Captures {
  if (matcher.kind === 'prefix' || !matcher.hasGroups) return noCaptures;
  const found = matcher.regex.matcher(path);
  if (!found.lookingAt()) return noCaptures;
  const captures: Record<string, string> = {};
  for (let group = 1; group <= matcher.regex.groupCount(); group += 1) {
    const text = found.group(group);
    if (text !== null) captures[String(group)] = text;
  }
  for (const [name, group] of Object.entries(matcher.regex.namedGroups())) {
    const text = captures[String(group)];
    if (text !== undefined) captures[name] = text;
  }
  return captures;
}

/** Returns how many characters of a path that matched are matched by the route's path. */
export function matchedLengthOf(matcher: PathMatcher, path: string): number {
  if (matcher.kind === 'prefix') return matcher.prefix.length;
  const found = matcher.regex.matcher(path);
  return found.lookingAt() ? found.end() : 0;
}

/**
 * The literal text that a pattern starts with, so that regular expressions find a place in the prefix index. Cautious:
 * where the pattern has alternatives or anything but plain characters, the prefix ends or is empty.
 */
export function literalPrefix(pattern: string): string {
  if (mayHaveOuterAlternatives(pattern)) return '';
  let prefix = '';
  let index = pattern.startsWith('^') ? 1 : 0;
  while (index < pattern.length) {
    const width = pattern[index] === '\\' ? 2 : 1;
    const char = pattern[index + width - 1];
    if (char === undefined || !isLiteral(char, width === 2)) break;
    const next = pattern[index + width];
    // A quantifier belongs to this character, which may then be absent.
    if (next === '?' || next === '*' || next === '{') break;
    prefix += char;
    index += width;
    if (next === '+') break;
  }
  return prefix;
}

/** Whether a `|` may stand outside of all groups. Cautious: true where telling would take a parser of the whole syntax. */
function mayHaveOuterAlternatives(pattern: string): boolean {
  if (!pattern.includes('|')) return false;
  // Literal text between \Q and \E, `]` as a member of a class, classes by name.
  if (/\\Q|\[\^?\]|\[:/.test(pattern)) return true;
  let depth = 0;
  let inClass = false;
  for (let index = 0; index < pattern.length; index += 1) {
    const char = pattern[index];
    if (char === '\\') index += 1;
    else if (inClass) inClass = char !== ']';
    else if (char === '[') inClass = true;
    else if (char === '(') depth += 1;
    else if (char === ')') depth -= 1;
    else if (char === '|' && depth === 0) return true;
  }
  return false;
}

function isLiteral(char: string, escaped: boolean): boolean {
  if (char < '!' || char > '~') return false;
  return escaped ? !/[A-Za-z0-9_]/.test(char) : !'\\^$.|?*+()[]{}'.includes(char);
}

/** Operators write UTF-8 text; requests carry its bytes. */
function encodeUtf8(path: string): string {
  return path.replace(/\p{Surrogate}/gu, '\ufffd').replace(/[^!-~]+/g, encodeURIComponent);
}
