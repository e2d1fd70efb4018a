import type { Exchange } from './exchange.ts';

/** Yields the cookies of a request (RFC 6265 section 5.4) in order, with the values as they are written. */
export function* cookiesOf({ headers }: Exchange): Generator<readonly [name: string, value: string]> {
  for (const header of headers.all('cookie')) {
    for (const pair of header.split(';')) {
      const at = pair.indexOf('=');
      if (at > 0) yield [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    }
  }
}
