import { decodeArg } from '../../plugin-api/query-args.ts';
import type { NamedValues } from './changes.ts';

/** The arguments of a query or a form. What is not changed stays as it was written. */
export class PairList implements NamedValues<string> {
  #pairs: { readonly name: string; readonly text: string }[];

  constructor(text: string) {
    this.#pairs = text === '' ? [] : text.split('&').map((pair) => ({ name: decodeArg(rawName(pair)), text: pair }));
  }

  has(name: string): boolean {
    return this.#pairs.some((pair) => pair.name === name);
  }

  remove(name: string): void {
    this.#pairs = this.#pairs.filter((pair) => pair.name !== name);
  }

  rename(from: string, to: string): void {
    if (from === to) return;
    this.remove(to);
    this.#pairs = this.#pairs.map((pair) =>
      pair.name === from ? { name: to, text: encodeArg(to) + pair.text.slice(rawName(pair.text).length) } : pair,
    );
  }

  replace(name: string, value: string): void {
    const at = this.#pairs.findIndex((pair) => pair.name === name);
    this.#pairs = this.#pairs.filter((pair, index) => pair.name !== name || index === at);
    if (at >= 0) this.#pairs[at] = pairOf(name, value);
    else this.append(name, value);
  }

  append(name: string, value: string): void {
    this.#pairs.push(pairOf(name, value));
  }

  toString(): string {
    return this.#pairs.map(({ text }) => text).join('&');
  }
}

function rawName(pair: string): string {
  const at = pair.indexOf('=');
  return at < 0 ? pair : pair.slice(0, at);
}

function pairOf(name: string, value: string) {
  return { name, text: `${encodeArg(name)}=${encodeArg(value)}` };
}

/** encodeURIComponent throws on half a surrogate pair, which UTF-8 cannot hold either. */
function encodeArg(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString());
}
