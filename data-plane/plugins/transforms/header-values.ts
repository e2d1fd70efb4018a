import type { HeaderList } from '../../plugin-api/header-list.ts';
import type { NamedValues } from './changes.ts';

/** Headers as named values. */
export function headerValues(headers: HeaderList): NamedValues<string> {
  return {
    has: (name) => headers.get(name.toLowerCase()) !== undefined,
    remove: (name) => headers.remove(name.toLowerCase()),
    rename(from, to) {
      const values = headers.all(from.toLowerCase());
      headers.remove(from.toLowerCase());
      headers.remove(to.toLowerCase());
      for (const value of values) headers.append(to, value);
    },
    replace: (name, value) => headers.set(name, wireText(value)),
    append: (name, value) => headers.append(name, wireText(value)),
  };
}

/** As on the wire, each character is a byte of the UTF-8; values of requests may hold what no header may. */
function wireText(value: string): string {
  const bytes = Buffer.from(value).toString('latin1');
  // oxlint-disable-next-line no-control-regex
  return bytes.replaceAll(/[\x00-\x1f\x7f]/g, ' ');
}
