import { unescape } from 'node:querystring';
import { RequestError } from '../../shared/errors.ts';

/** The most arguments of a query or a form that are read. */
export const argumentsMax = 1_000;

/** One argument of a query or form: its text, `true` for a bare name, an array when the name is repeated. */
export type Arg = string | true | readonly (string | true)[];

/** Values by name, in the order of the first value of each. A repeated name costs constant time a value. */
export class ArgMap {
  readonly #values = new Map<string, string | true | (string | true)[]>();

  get(name: string): Arg | undefined {
    return this.#values.get(name);
  }

  /** Adds a value under a name; a second one makes an array. */
  add(name: string, value: string | true): void {
    const known = this.#values.get(name);
    if (known === undefined) this.#values.set(name, value);
    else if (typeof known === 'object') known.push(value);
    else this.#values.set(name, [known, value]);
  }

  /** Returns a JSON object. Written here because names such as `__proto__` do not survive a JavaScript object. */
  json(): string {
    const members: string[] = [];
    for (const [name, value] of this.#values) members.push(`${JSON.stringify(name)}:${JSON.stringify(value)}`);
    return `{${members.join(',')}}`;
  }
}

export interface ParsedArgs {
  readonly args: ArgMap;
  /** The text had more arguments than `argumentsMax`; the rest was left out. */
  readonly isTruncated: boolean;
}

/**
 * Parses a query or a form (application/x-www-form-urlencoded) up to `argumentsMax` arguments. Escapes that are not valid
 * are left as they are, or become U+FFFD where they are not UTF-8.
 */
export function parseArgs(text: string): ParsedArgs {
  const args = new ArgMap();
  const isTruncated = eachArg(text, (name, value) => args.add(decodeArg(name), decodeValue(value)));
  return { args, isTruncated };
}

/** Returns what `parseArgs` finds under the name, without keeping the other arguments. */
export function argNamed(text: string, name: string): Arg | undefined {
  const args = new ArgMap();
  eachArg(text, (other, value) => {
    if (decodeArg(other) === name) args.add(name, decodeValue(value));
  });
  return args.get(name);
}

/**
 * Calls `take` with the name and the value of each argument as they were written, up to `argumentsMax`; a bare name has no
 * value. Returns whether there were more.
 */
function eachArg(text: string, take: (name: string, value: string | undefined) => void): boolean {
  let count = 0;
  for (let start = 0; start < text.length;) {
    const found = text.indexOf('&', start);
    const end = found < 0 ? text.length : found;
    if (end > start) {
      if (++count > argumentsMax) return true;
      const part = text.slice(start, end);
      const at = part.indexOf('=');
      if (at < 0) take(part, undefined);
      else take(part.slice(0, at), part.slice(at + 1));
    }
    start = end + 1;
  }
  return false;
}

/** Parses a query that a record depends on. @throws RequestError ARGUMENTS_TOO_MANY */
export function queryArgs(query: string): ArgMap {
  const { args, isTruncated } = parseArgs(query);
  if (!isTruncated) return args;
  throw new RequestError('ARGUMENTS_TOO_MANY', `The query has more than ${argumentsMax} arguments.`, {
    details: [{ limit: argumentsMax, unit: 'arguments' }],
  });
}

/** Parses the fields of a form. @throws RequestError BODY_INVALID */
export function formArgs(text: string): ArgMap {
  const { args, isTruncated } = parseArgs(text);
  if (!isTruncated) return args;
  throw new RequestError('BODY_INVALID', `The form has more than ${argumentsMax} fields.`, {
    details: [{ limit: argumentsMax, unit: 'fields' }],
  });
}

/** Returns a query or form without the arguments of a name; the others stay as they were written. */
export function withoutArg(text: string, name: string): string {
  const isOther = (part: string): boolean => {
    const at = part.indexOf('=');
    return decodeArg(at < 0 ? part : part.slice(0, at)) !== name;
  };
  return text.split('&').filter(isOther).join('&');
}

/** Returns a query with another value for the arguments of some names; the others stay as they were written. */
export function withArgsReplaced(text: string, names: ReadonlySet<string>, value: string): string {
  const replaced = (part: string): string => {
    const at = part.indexOf('=');
    return at >= 0 && names.has(decodeArg(part.slice(0, at))) ? `${part.slice(0, at)}=${value}` : part;
  };
  return text.split('&').map(replaced).join('&');
}

function decodeValue(value: string | undefined): string | true {
  return value === undefined ? true : decodeArg(value);
}

/** Decodes a name or a value of a query or form. */
export function decodeArg(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  return spaced.includes('%') ? unescape(spaced) : spaced;
}
