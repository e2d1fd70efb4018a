/** The ways to read a body. */
export type BodyKind = 'json' | 'form' | 'multipart' | 'text' | 'binary';

const kindsByType: Readonly<Record<string, BodyKind>> = {
  'application/json': 'json',
  'application/x-www-form-urlencoded': 'form',
  'multipart/form-data': 'multipart',
  'text/plain': 'text',
  'text/html': 'text',
  'application/xml': 'text',
  'text/xml': 'text',
  'application/soap+xml': 'text',
};

/** The kind of a Content-Type header, whose parameters and case do not matter. */
export function bodyKind(contentType: string | undefined): BodyKind {
  if (contentType === 'application/json') return 'json';
  if (contentType === undefined) return 'binary';
  const end = contentType.indexOf(';');
  const type = (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
  if (Object.hasOwn(kindsByType, type)) return kindsByType[type] ?? 'binary';
  return /^[^/\s]+\/[^/\s]+\+json$/.test(type) ? 'json' : 'binary';
}
