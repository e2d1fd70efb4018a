import { compileFault } from './regex.ts';

const reservedAndUnreserved = /^[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]*$/;
const unreserved = /[A-Za-z0-9\-._~]/;

/** The fault of a service's path, in Kong's words: it starts with `/` and has no empty segments. */
export function checkServicePath(path: string): string | undefined {
  if (!path.startsWith('/')) return 'should start with: /';
  return checkCharacters(path);
}

/** The fault of a route's path: a normalised prefix that starts with `/`, or `~` and a regular expression. */
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

/**
 * RFC 3986 section 6.2.2: unreserved percent-triplets decoded, others in upper case, dot segments removed, and runs of
 * slashes made one.
 */
export function normalizePath(path: string): string {
  const decoded = path.replace(/%([0-9A-Fa-f]{2})/g, (triplet, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return unreserved.test(character) ? character : triplet.toUpperCase();
  });
  const segments: string[] = [];
  const parts = decoded.split('/').slice(1);
  for (const [index, part] of parts.entries()) {
    const last = index === parts.length - 1;
    if (part === '..') segments.pop();
    if (part === '.' || part === '..') {
      if (last) segments.push('');
    } else if (part !== '' || last) {
      segments.push(part);
    }
  }
  return `/${segments.join('/')}`;
}
