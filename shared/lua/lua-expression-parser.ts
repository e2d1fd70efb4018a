import { LuaSyntaxError } from './lua-lexer.ts';
import type { LuaNames } from './lua-names.ts';
import type { LuaTokenReader } from './lua-token-reader.ts';

const unaryOperators = new Set(['not', '-', '#', '~']);
const unaryPriority = 12;
/** Priorities to the left and to the right; an operator that binds to the right has the lower one there. */
const binaryPriorities: Readonly<Record<string, readonly [number, number]>> = {
  or: [1, 1],
  and: [2, 2],
  '<': [3, 3],
  '>': [3, 3],
  '<=': [3, 3],
  '>=': [3, 3],
  '~=': [3, 3],
  '==': [3, 3],
  '|': [4, 4],
  '~': [5, 5],
  '&': [6, 6],
  '<<': [7, 7],
  '>>': [7, 7],
  '..': [9, 8],
  '+': [10, 10],
  '-': [10, 10],
  '*': [11, 11],
  '/': [11, 11],
  '//': [11, 11],
  '%': [11, 11],
  '^': [14, 13],
};

/** The last part of an expression such as `a.b:c(d)`; only a field and a name can be assigned to. */
export type Suffixed =
  | { readonly kind: 'field' | 'call' | 'value' }
  | { readonly kind: 'name'; readonly name: string; readonly line: number };

export interface LuaExpressionDeps {
  readonly tokens: LuaTokenReader;
  readonly names: LuaNames;
  /** Returns true where the function that is being read has `...`. */
  readonly isVararg: () => boolean;
  /** Reads a function from its parameters to its `end`. */
  readonly functionBody: (line: number) => void;
  /** Runs the work one level deeper. @throws LuaSyntaxError when that is too deep */
  readonly nested: (work: () => void) => void;
}

/** Reads the expressions of Lua's grammar by recursive descent. */
export class LuaExpressionParser {
  readonly #deps: LuaExpressionDeps;
  readonly #tokens: LuaTokenReader;

  constructor(deps: LuaExpressionDeps) {
    this.#deps = deps;
    this.#tokens = deps.tokens;
  }

  /** Reads a list of one expression or more. */
  list(): void {
    do this.one();
    while (this.#tokens.accept(','));
  }

  /** Reads an expression up to an operator of the priority `limit`. */
  one(limit = 0): void {
    this.#deps.nested(() => {
      if (this.#tokens.token.kind === 'symbol' && unaryOperators.has(this.#tokens.token.text)) {
        this.#tokens.advance();
        this.one(unaryPriority);
      } else this.#simple();
      for (;;) {
        const { kind, text } = this.#tokens.token;
        const priorities =
          kind === 'symbol' && Object.hasOwn(binaryPriorities, text) ? binaryPriorities[text] : undefined;
        if (priorities === undefined || priorities[0] <= limit) return;
        this.#tokens.advance();
        this.one(priorities[1]);
      }
    });
  }

  /** Reads a name, a call or an expression in parentheses, with the fields and calls behind it. */
  suffixed(): Suffixed {
    let last = this.#prefix();
    for (;;) {
      if (this.#tokens.accept('.')) {
        this.#used(last);
        this.#tokens.name();
        last = { kind: 'field' };
      } else if (this.#tokens.accept('[')) {
        this.#used(last);
        this.one();
        this.#tokens.expect(']');
        last = { kind: 'field' };
      } else if (this.#tokens.accept(':')) {
        this.#used(last);
        this.#tokens.name();
        if (!this.#arguments()) this.#tokens.unexpected('function arguments expected');
        last = { kind: 'call' };
      } else if (this.#arguments()) {
        this.#used(last);
        last = { kind: 'call' };
      } else return last;
    }
  }

  #simple(): void {
    const { kind, text, line } = this.#tokens.token;
    if (kind === 'number' || kind === 'string') return this.#tokens.advance();
    if (kind === 'symbol' && (text === 'nil' || text === 'true' || text === 'false')) return this.#tokens.advance();
    if (this.#tokens.accept('...')) {
      if (!this.#deps.isVararg()) {
        throw new LuaSyntaxError(line, "cannot use '...' outside a vararg function near '...'");
      }
      return;
    }
    if (this.#tokens.is('{')) return this.#table();
    if (this.#tokens.accept('function')) return this.#deps.functionBody(line);
    this.#used(this.suffixed());
  }

  #prefix(): Suffixed {
    const { kind, line } = this.#tokens.token;
    if (this.#tokens.accept('(')) {
      this.one();
      this.#tokens.close(')', '(', line);
      return { kind: 'value' };
    }
    if (kind !== 'name') this.#tokens.unexpected('unexpected symbol');
    return { kind: 'name', name: this.#tokens.name(), line };
  }

  #used(part: Suffixed): void {
    if (part.kind === 'name') this.#deps.names.use(part.name, part.line);
  }

  #arguments(): boolean {
    const { line } = this.#tokens.token;
    if (this.#tokens.token.kind === 'string') this.#tokens.advance();
    else if (this.#tokens.is('{')) this.#table();
    else if (this.#tokens.accept('(')) {
      if (!this.#tokens.is(')')) this.list();
      this.#tokens.close(')', '(', line);
    } else return false;
    return true;
  }

  #table(): void {
    const { line } = this.#tokens.token;
    this.#tokens.expect('{');
    while (!this.#tokens.is('}')) {
      if (this.#tokens.accept('[')) {
        this.one();
        this.#tokens.expect(']');
        this.#tokens.expect('=');
      } else if (this.#tokens.token.kind === 'name' && this.#tokens.peek().text === '=') {
        this.#tokens.advance();
        this.#tokens.advance();
      }
      this.one();
      if (!this.#tokens.accept(',') && !this.#tokens.accept(';')) break;
    }
    this.#tokens.close('}', '{', line);
  }
}
