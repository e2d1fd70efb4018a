import { SchemaUnusableError } from './format.ts';

export type TokenKind = 'word' | 'number' | 'string' | 'symbol' | 'end';

const wordPattern = /[A-Za-z_][A-Za-z0-9_]*/y;
const numberPattern = /0[xX][0-9A-Fa-f]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fF]?/y;
const escapes: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** Reads the tokens of a .proto file, one after the other; comments and blanks are none. */
export class ProtoTokens {
  kind: TokenKind = 'end';
  /** The present token: a word, a symbol, a number's digits, or a string's contents. */
  text = '';
  readonly #source: string;
  readonly #what: string;
  #position = 0;

  /** @param what names the file in messages */
  constructor(source: string, what: string) {
    this.#source = source;
    this.#what = what;
    // A byte order mark may stand in front.
    if (source.charCodeAt(0) === 0xfeff) this.#position = 1;
    this.next();
  }

  /** Tells whether the present token is this word or symbol. */
  is(text: string): boolean {
    return this.text === text && (this.kind === 'word' || this.kind === 'symbol');
  }

  /** Moves on when the present token is this word or symbol. */
  take(text: string): boolean {
    if (!this.is(text)) return false;
    this.next();
    return true;
  }

  expect(text: string): void {
    if (!this.take(text)) this.fail(`expected '${text}'`);
  }

  /** Reads a name without dots. */
  word(): string {
    return this.#of('word', 'a name');
  }

  /** Reads a name with dots, such as `.a.b.C`. */
  path(): string {
    let path = this.take('.') ? '.' : '';
    path += this.word();
    while (this.take('.')) path += `.${this.word()}`;
    return path;
  }

  /** Reads a string; adjacent ones are one, as in C. */
  string(): string {
    let text = this.#of('string', 'a string');
    while (this.kind === 'string') text += this.#of('string', 'a string');
    return text;
  }

  /** Reads a whole number: decimal, hexadecimal or octal, with a minus where there is one. */
  integer(): number {
    const sign = this.take('-') ? -1 : 1;
    const digits = this.#of('number', 'a number');
    const value = /^0[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
    if (!Number.isSafeInteger(value)) this.fail(`'${digits}' is not a whole number`);
    return sign * value;
  }

  next(): void {
    const start = this.#skipBlanks();
    const code = this.#source.charCodeAt(start);
    if (Number.isNaN(code)) this.#accept('end', '', start);
    else if (code === 34 || code === 39) this.#readString(start, code);
    else {
      const isDigit = (at: number): boolean => /[0-9]/.test(this.#source.charAt(at));
      if (isDigit(start) || (code === 46 && isDigit(start + 1))) this.#match('number', numberPattern, start);
      else if (/[A-Za-z_]/.test(this.#source.charAt(start))) this.#match('word', wordPattern, start);
      else this.#accept('symbol', this.#source.charAt(start), start + 1);
    }
  }

  fail(reason: string): never {
    const line = this.#source.slice(0, this.#position).split('\n').length;
    const found = this.kind === 'end' ? 'the end' : `'${this.text.slice(0, 40)}'`;
    throw new SchemaUnusableError(`${this.#what} is not a .proto file: ${reason}, found ${found} (line ${line})`);
  }

  #of(kind: TokenKind, what: string): string {
    if (this.kind !== kind) this.fail(`expected ${what}`);
    const { text } = this;
    this.next();
    return text;
  }

  #accept(kind: TokenKind, text: string, end: number): void {
    this.kind = kind;
    this.text = text;
    this.#position = end;
  }

  #match(kind: TokenKind, pattern: RegExp, start: number): void {
    pattern.lastIndex = start;
    const text = pattern.exec(this.#source)?.[0] ?? '';
    this.#accept(kind, text, start + text.length);
  }

  #skipBlanks(): number {
    const source = this.#source;
    let at = this.#position;
    for (;;) {
      const code = source.charCodeAt(at);
      if (code === 32 || (code >= 9 && code <= 13)) at++;
      else if (code === 47 && source.charCodeAt(at + 1) === 47) at = endOr(source.indexOf('\n', at), source.length);
      else if (code === 47 && source.charCodeAt(at + 1) === 42) {
        at = endOr(source.indexOf('*/', at + 2), source.length - 2) + 2;
      } else return at;
    }
  }

  #readString(start: number, quote: number): void {
    const source = this.#source;
    let at = start + 1;
    let hasEscapes = false;
    for (; source.charCodeAt(at) !== quote; at++) {
      const code = source.charCodeAt(at);
      if (Number.isNaN(code) || code === 10) this.fail('a string does not end');
      if (code === 92) {
        hasEscapes = true;
        at++;
      }
    }
    const raw = source.slice(start + 1, at);
    this.#accept('string', hasEscapes ? unescaped(raw) : raw, at + 1);
  }
}

function endOr(found: number, end: number): number {
  return found < 0 ? end : found;
}

/** Returns the text that C-like escapes stand for; the bytes that octal and hexadecimal ones give are UTF-8. */
function unescaped(raw: string): string {
  const pattern = /((?:\\(?:[0-7]{1,3}|[xX][0-9A-Fa-f]{1,2}))+)|\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))/gs;
  return raw.replaceAll(pattern, (_all, bytes?: string, short?: string, long?: string, letter?: string) => {
    if (bytes !== undefined) return bytesOf(bytes).toString('utf8');
    const point = short ?? long;
    if (point === undefined) return letter === undefined ? '' : (escapes[letter] ?? letter);
    const code = Number.parseInt(point, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : '';
  });
}

function bytesOf(escaped: string): Buffer {
  const parts = escaped.split('\\').slice(1);
  return Buffer.from(
    parts.map((part) => (/^[xX]/.test(part) ? Number.parseInt(part.slice(1), 16) : Number.parseInt(part, 8) & 255)),
  );
}
