import { isUtf8 } from 'node:buffer';
import { RequestError, type ErrorCode } from '../../shared/errors.ts';
import type { HeaderList } from './header-list.ts';
import type { Arg } from './query-args.ts';

/** A header value as its sender meant it: Node gives each byte as one character; bytes that are UTF-8 are read so. */
export function headerText(value: string): string {
  if (isAscii(value)) return value;
  const bytes = Buffer.from(value, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : value;
}

export function isAscii(value: string): boolean {
  // oxlint-disable-next-line no-control-regex
  return /^[\x00-\x7f]*$/.test(value);
}

/**
 * The one value of a header, whose name is in lower case; undefined when it is absent. `what` it is for stands in the
 * error. @throws RequestError with the code when it is repeated: which one would count is a guess.
 */
export function singleHeader(headers: HeaderList, name: string, code: ErrorCode, what: string): string | undefined {
  const [value, ...more] = headers.all(name);
  if (more.length > 0) throw new RequestError(code, `The header '${name}' of the ${what} is given more than once.`);
  return value === undefined ? undefined : headerText(value);
}

/** The one text of a query parameter, in the same way. */
export function singleArg(value: Arg | undefined, name: string, code: ErrorCode, what: string): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  const reason = value === true ? 'has no value' : 'is given more than once';
  throw new RequestError(code, `The query parameter '${name}' of the ${what} ${reason}.`);
}
