import { normalizePath } from '../path.ts';
import { compileFault } from './regex.ts';

const reservedAndUnreserved = /^[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]*$/;

/** Returns the fault of a service's path, in Kong's words: it starts with `/` and has no empty segments. */
export function checkServicePath(path: string): string | undefined {
  if (!path.startsWith('/')) return 'should start with: /';
  return checkCharacters(path);
}

/** Returns the fault of a route's path: a normalised prefix that starts with `/`, or `~` and a regular expression. */
export function checkRoutePath(path: string): string | undefined {
  if (path.startsWith('~/')) return compileFault(path.slice(1));
  if (!path.startsWith('/')) return 'should start with: / (fixed path) or ~/ (regexed path)';
  const fault = checkCharacters(path);
  if (fault !== undefined) return fault;
  const normalized = normalizePath(path);
  return normalized === path ? undefined : `non-normalized path, consider use '${normalized}' instead`;
}

function checkCharacters(path: string): string | undefined {
  if (path.includes('//')) return 'must not have empty segments';
  if (!reservedAndUnreserved.test(path)) {
    return `invalid path: '${path}' (characters outside of the reserved list of RFC 3986 found)`;
  }
  const broken = /%(?![0-9A-Fa-f]{2}).{0,2}/.exec(path);
  return broken === null ? undefined : `invalid url-encoded value: '${broken[0]}'`;
}
