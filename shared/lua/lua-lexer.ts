/** Says where and why a text is not Lua 5.4, in the words of Lua's own compiler. Lines count from 1. */
export class LuaSyntaxError extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.name = 'LuaSyntaxError';
    this.line = line;
  }
}

export interface LuaToken {
  /** `symbol` is a keyword or an operator. */
  readonly kind: 'name' | 'number' | 'string' | 'symbol' | 'end';
  /** As written; '<eof>' at the end. */
  readonly text: string;
  readonly line: number;
}

const keywords = new Set(
  'and break do else elseif end false for function goto if in local nil not or repeat return then true until while'.split(
    ' ',
  ),
);

const space = /[ \t\r\n\v\f]+/y;
const restOfLine = /[^\r\n]*/y;
const longOpening = /\[(=*)\[/y;
const name = /[A-Za-z_][A-Za-z0-9_]*/y;
/** Everything that Lua reads as one number; it is checked afterwards whether it is one. */
const numberLike = /0[xX](?:[pP][+-]|[A-Za-z0-9_.])*|\.?[0-9](?:[eE][+-]|[A-Za-z0-9_.])*/y;
const decimalNumber = /^(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const hexNumber = /^0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?[0-9]+)?$/;
const symbol = /\.\.\.|\.\.|==|~=|<=|>=|<<|>>|\/\/|::|[-+*/%^#&~|<>=(){}[\];:,.]/y;
const escape = /\\(?:[abfnrtv\\"']|\r\n|\n\r|\r|\n|x[0-9a-fA-F]{2}|z[ \t\r\n\v\f]*|u\{[0-9a-fA-F]+\}|[0-9]{1,3})/y;

/** Reads a Lua text token by token. */
export class LuaLexer {
  readonly #text: string;
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  /** @throws LuaSyntaxError */
  next(): LuaToken {
    this.#skipBlank();
    const line = this.#line;
    const char = this.#text[this.#at];
    if (char === undefined) return { kind: 'end', text: '<eof>', line };
    const word = this.#take(name);
    if (word !== undefined) return { kind: keywords.has(word) ? 'symbol' : 'name', text: word, line };
    const number = this.#take(numberLike);
    if (number !== undefined) {
      if (!decimalNumber.test(number) && !hexNumber.test(number)) this.#fail(`malformed number near '${number}'`);
      return { kind: 'number', text: number, line };
    }
    if (char === '"' || char === "'") return { kind: 'string', text: this.#quoted(char), line };
    const long = this.#long('string');
    if (long !== undefined) return { kind: 'string', text: long, line };
    const sign = this.#take(symbol);
    if (sign === undefined) this.#fail(`unexpected symbol near '${char}'`);
    return { kind: 'symbol', text: sign, line };
  }

  #skipBlank(): void {
    for (;;) {
      this.#take(space);
      if (!this.#text.startsWith('--', this.#at)) return;
      this.#at += 2;
      if (this.#long('comment') !== undefined) continue;
      this.#take(restOfLine);
    }
  }

  /** Reads `[[ … ]]` or `[==[ … ]==]`; undefined where none starts. */
  #long(what: 'string' | 'comment'): string | undefined {
    longOpening.lastIndex = this.#at;
    const opening = longOpening.exec(this.#text);
    if (opening === null) return undefined;
    const [mark, signs = ''] = opening;
    const closing = `]${signs}]`;
    const end = this.#text.indexOf(closing, this.#at + mark.length);
    if (end === -1) {
      const first = this.#line;
      this.#advance(this.#text.length - this.#at);
      this.#fail(`unfinished long ${what} (starting at line ${first}) near '<eof>'`);
    }
    return this.#advance(end + closing.length - this.#at);
  }

  #quoted(quote: string): string {
    const start = this.#at;
    const near = (): string => `near '${this.#text.slice(start, this.#at)}'`;
    this.#at++;
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined) this.#fail("unfinished string near '<eof>'");
      if (char === '\n' || char === '\r') this.#fail(`unfinished string ${near()}`);
      if (char === '\\') this.#escape(near);
      else this.#at++;
      if (char === quote) return this.#text.slice(start, this.#at);
    }
  }

  #escape(near: () => string): void {
    const text = this.#take(escape);
    if (text === undefined) {
      this.#at = Math.min(this.#at + 2, this.#text.length);
      this.#fail(`invalid escape sequence ${near()}`);
    }
    if (/^\\[0-9]/.test(text) && Number(text.slice(1)) > 255) this.#fail(`decimal escape too large ${near()}`);
    if (text.startsWith('\\u') && !/^\\u\{0*[0-7]?[0-9a-fA-F]{0,7}\}$/.test(text)) {
      this.#fail(`UTF-8 value too large ${near()}`);
    }
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    return match === null ? undefined : this.#advance(match[0].length);
  }

  #advance(length: number): string {
    const text = this.#text.slice(this.#at, this.#at + length);
    this.#at += length;
    this.#line += text.match(/\r\n|\n\r|\n|\r/g)?.length ?? 0;
    return text;
  }

  #fail(message: string): never {
    throw new LuaSyntaxError(this.#line, message);
  }
}
