import { LuaLexer, LuaSyntaxError, type LuaToken } from './lua-lexer.ts';

/** Reads the tokens of a Lua text with one token of look-ahead, and says where a token is not the one that must stand. */
export class LuaTokenReader {
  readonly #lexer: LuaLexer;
  #token: LuaToken;
  #ahead: LuaToken | undefined;

  constructor(text: string) {
    this.#lexer = new LuaLexer(text);
    this.#token = this.#lexer.next();
  }

  /** The token that is read next. */
  get token(): LuaToken {
    return this.#token;
  }

  /** Reads past the token. */
  advance(): void {
    this.#token = this.#ahead ?? this.#lexer.next();
    this.#ahead = undefined;
  }

  /** Returns the token behind the next one. */
  peek(): LuaToken {
    return (this.#ahead ??= this.#lexer.next());
  }

  /** Returns true when the token is this keyword or operator. */
  is(text: string): boolean {
    return this.#token.kind === 'symbol' && this.#token.text === text;
  }

  /** Reads past the token when it is this keyword or operator. */
  accept(text: string): boolean {
    const found = this.is(text);
    if (found) this.advance();
    return found;
  }

  expect(text: string): void {
    if (!this.accept(text)) this.unexpected(`'${text}' expected`);
  }

  /** Expects the end of something that began on `line`; the message names that line when it is another. */
  close(text: string, opening: string, line: number): void {
    if (this.accept(text)) return;
    const where = line === this.#token.line ? '' : ` (to close '${opening}' at line ${line})`;
    this.unexpected(`'${text}' expected${where}`);
  }

  /** Reads past a name and returns it. */
  name(): string {
    const { kind, text } = this.#token;
    if (kind !== 'name') this.unexpected('<name> expected');
    this.advance();
    return text;
  }

  /** Returns how Lua's own messages show the token. */
  near(): string {
    return this.#token.kind === 'end' ? '<eof>' : `'${this.#token.text}'`;
  }

  /** @throws LuaSyntaxError */
  unexpected(message: string): never {
    throw new LuaSyntaxError(this.#token.line, `${message} near ${this.near()}`);
  }
}
