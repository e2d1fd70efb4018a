import { createHash } from 'node:crypto';
import { plainError } from './admin-error.ts';

/** Returns a strong validator (RFC 9110, section 8.8.3) of a body as it is answered. */
export function etagOf(body: unknown): string {
  return `"${createHash('sha256').update(JSON.stringify(body)).digest('base64url').slice(0, 27)}"`;
}

/** Obeys RFC 9110, section 13.1.1: throws AdminError 412 when `If-Match` is given and none of its tags is the current one. */
export function checkIfMatch(ifMatch: string | undefined, current: unknown): void {
  if (ifMatch === undefined) return;
  const matches = current !== undefined && matchesEtag(ifMatch, etagOf(current));
  if (!matches) throw plainError(412, 'Precondition failed: the entity was changed');
}

/** Returns whether an `If-Match` names this tag, or any. */
export function matchesEtag(ifMatch: string, etag: string): boolean {
  return (
    ifMatch.trim() === '*' ||
    ifMatch
      .split(',')
      .map((tag) => tag.trim())
      .includes(etag)
  );
}
