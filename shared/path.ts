const needsNormalising = /%|\/\/|\/\.|[^!-~]/;
const unreserved = /[A-Za-z0-9\-._~]/;

/**
 * Returns the path in the form that is matched and sent upstream (RFC 3986 section 6.2.2): unreserved percent-triplets decoded,
 * the others in upper case, slashes merged, dot segments removed. Bytes outside ASCII, which node:http hands over as
 * latin1 characters, become triplets, as does a `%` that begins none. Idempotent. A path without anything to do is returned as it is.
 */
export function normalizePath(path: string): string {
  if (!needsNormalising.test(path)) return path;
  const text = path
    .replace(/[^!-~\u0100-\uffff]/g, encodeByte)
    .replace(/%(?![0-9a-fA-F]{2})/g, '%25')
    .replace(/%[0-9a-fA-F]{2}/g, normalizeTriplet)
    .replace(/\/{2,}/g, '/');
  return text.includes('/.') ? removeDotSegments(text) : text;
}

function encodeByte(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

function normalizeTriplet(triplet: string): string {
  const char = String.fromCharCode(Number.parseInt(triplet.slice(1), 16));
  return unreserved.test(char) ? char : triplet.toUpperCase();
}

/** Removes dot segments (RFC 3986 section 5.2.4) from a path without empty segments. */
function removeDotSegments(path: string): string {
  const kept: string[] = [];
  const segments = path.split('/');
  const last = segments.length - 1;
  for (const [index, segment] of segments.entries()) {
    const isDots = segment === '.' || segment === '..';
    if (segment === '..' && kept.length > 1) kept.pop();
    if (!isDots) kept.push(segment);
    else if (index === last) kept.push('');
  }
  return kept.join('/');
}
