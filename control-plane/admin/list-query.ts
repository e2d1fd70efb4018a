import { isUuid } from '../../shared/uuid.ts';
import type { TagFilter } from '../store/page.ts';
import { invalidOffset, invalidOption, invalidSize } from './admin-error.ts';
import type { Query } from './query.ts';

const sizeDefault = 100;
const sizeMax = 1000;

/** Returns `size`, 1 to 1000. Throws AdminError. */
export function querySize(query: Query): number {
  const text = query.get('size');
  if (text === undefined) return sizeDefault;
  const size = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (size < 1 || size > sizeMax) throw invalidSize();
  return size;
}

/** Returns the filter by tags: `tags=a,b` means both, `tags=a/b` either. Throws AdminError where the two are mixed. */
export function queryTags(query: Query): TagFilter | undefined {
  const text = query.get('tags');
  if (text === undefined) return undefined;
  if (text === '') throw invalidOption('tags', 'cannot be null');
  const mode = text.includes('/') ? 'or' : 'and';
  const tags = text.split(mode === 'or' ? '/' : ',');
  if (tags.some((tag) => tag === '' || tag.includes(','))) throw invalidOption('tags', 'invalid filter syntax');
  return { mode, tags };
}

/** Returns the id that an offset holds. Throws AdminError. */
export function queryOffset(query: Query): string | undefined {
  const offset = query.get('offset');
  if (offset === undefined) return undefined;
  const [id] = decodeOffset(offset);
  if (id === undefined || !isUuid(id)) throw invalidOffset(offset, 'bad base64 encoding');
  return id;
}

/** Returns an offset, which is opaque to clients. */
export function encodeOffset(parts: readonly string[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/** Returns the parts of an offset. Throws AdminError. */
export function decodeOffset(offset: string): readonly string[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(offset, 'base64url').toString('utf8'));
    if (Array.isArray(parts) && parts.every((part) => typeof part === 'string')) return parts;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw invalidOffset(offset, 'bad base64 encoding');
}

/** Returns the body of a list; `next` leads to the following page with the same filters. */
export function listBody(options: {
  path: string;
  query: Query;
  size: number;
  data: readonly unknown[];
  offset?: string;
}) {
  const { path, query, size, data, offset } = options;
  if (offset === undefined) return { data, next: null };
  const parameters = new URLSearchParams({ offset, size: String(size) });
  for (const [name, value] of query) if (name !== 'offset' && name !== 'size') parameters.set(name, value);
  return { data, next: `${path}?${parameters.toString()}`, offset };
}
