import { unescape } from 'node:querystring';

/** One argument of a query or form: its text, `true` for a bare name, an array when the name is repeated. */
export type Arg = string | true | readonly (string | true)[];

/**
 * Arguments of a query or of a form (application/x-www-form-urlencoded), in order. Escapes that are not valid are left
 * as they are, or become U+FFFD where they are not UTF-8.
 */
export function parseArgs(text: string): Map<string, Arg> {
  const args = new Map<string, Arg>();
  if (text === '') return args;
  for (const part of text.split('&')) {
    if (part === '') continue;
    const at = part.indexOf('=');
    const name = decode(at < 0 ? part : part.slice(0, at));
    const value = at < 0 ? true : decode(part.slice(at + 1));
    addArg(args, name, value);
  }
  return args;
}

/** Adds a value under a name; a second one makes an array. */
export function addArg(args: Map<string, Arg>, name: string, value: string | true): void {
  const known = args.get(name);
  if (known === undefined) args.set(name, value);
  else args.set(name, typeof known === 'object' ? [...known, value] : [known, value]);
}

/** A JSON object. Written here because names such as `__proto__` do not survive a JavaScript object. */
export function argsJson(args: ReadonlyMap<string, Arg>): string {
  let json = '{';
  for (const [name, value] of args)
    json += `${json === '{' ? '' : ','}${JSON.stringify(name)}:${JSON.stringify(value)}`;
  return `${json}}`;
}

function decode(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  return spaced.includes('%') ? unescape(spaced) : spaced;
}
