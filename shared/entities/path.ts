import { normalizePath } from '../path.ts';
import { compileFault } from '../schema/regex.ts';

const reservedAndUnreserved = /^[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]*$/;

/** Returns the fault of a service's path, in Kong's words: it starts with `/` and has no empty segments. */
export function checkServicePath(path: string): string | undefined {
  if (!path.startsWith('/')) return 'should start with: /';
  return checkCharacters(path);
}

/** Returns the fault of a route's path: a normalised prefix that starts with `/`, or `~` and a regular expression. */
export function checkRoutePath(path: string): string | undefined {
  if (path.startsWith('~/')) return compileFault(path.slice(1));
  if (!path.startsWith('/')) return 'should start with: / (fixed path) or ~/ (regex path)';
  const fault = checkSegments(path) ?? (unprintable.test(path) ? unreservedFault(path) : checkEncoding(path));
  if (fault !== undefined) return fault;
  const normalized = normalizeAscii(path);
  return normalized === path ? undefined : `non-normalized path, consider use '${normalized}' instead`;
}

/** Blanks and control characters: no request can hold them. */
const unprintable = /[\s\p{Cc}]/u;

/** Normalises what is ASCII. Other characters are matched as their UTF-8, in which a route's path may write them. */
function normalizeAscii(path: string): string {
  // Characters below U+0100 would count as bytes: they wait in a private area of Unicode.
  const moved = path.replace(/[\u0080-\u00ff]/g, (char) => String.fromCharCode(char.charCodeAt(0) + privateArea));
  const normalized = normalizePath(moved);
  return normalized.replace(/[\ue080-\ue0ff]/g, (char) => String.fromCharCode(char.charCodeAt(0) - privateArea));
}

const privateArea = 0xe000;

function checkCharacters(path: string): string | undefined {
  return checkSegments(path) ?? (reservedAndUnreserved.test(path) ? checkEncoding(path) : unreservedFault(path));
}

function checkSegments(path: string): string | undefined {
  return path.includes('//') ? 'must not have empty segments' : undefined;
}

function unreservedFault(path: string): string {
  return `invalid path: '${path}' (characters outside of the reserved list of RFC 3986 found)`;
}

function checkEncoding(path: string): string | undefined {
  const broken = /%(?![0-9A-Fa-f]{2}).{0,2}/.exec(path);
  return broken === null ? undefined : `invalid url-encoded value: '${broken[0]}'`;
}
