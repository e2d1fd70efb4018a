import { namesOfConnection } from './hop-by-hop.ts';

/**
 * Returns the headers of an upstream's answer that go to the client, as a flat list, with `Via` added.
 *
 * @param keepsTrailer whether header `Trailer` goes along: the answer to the client has room for trailers
 */
export function responseHeaders(received: readonly string[], httpVersion: string, keepsTrailer: boolean): string[] {
  const connection: string[] = [];
  const via: string[] = [];
  for (let index = 0; index + 1 < received.length; index += 2) {
    const name = received[index]?.toLowerCase();
    if (name === 'connection') connection.push(received[index + 1] ?? '');
    if (name === 'via') via.push(received[index + 1] ?? '');
  }
  const dropped = namesOfConnection(connection);
  const list: string[] = [];
  for (let index = 0; index + 1 < received.length; index += 2) {
    const name = received[index] ?? '';
    const lower = name.toLowerCase();
    if (lower === 'trailer' && !keepsTrailer) continue;
    if (lower !== 'via' && !dropped.has(lower)) list.push(name, received[index + 1] ?? '');
  }
  list.push('Via', [...via, `${httpVersion} sluice`].join(', '));
  return list;
}
