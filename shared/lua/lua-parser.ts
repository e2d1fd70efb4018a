import { LuaLexer, LuaSyntaxError, type LuaToken } from './lua-lexer.ts';

export interface LuaFault {
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

/**
 * Why a text is not a Lua 5.4 chunk; undefined: its grammar is good. Pure, so that both planes can check with it; jumps,
 * constants and the compiler's limits are left to Lua itself, which a data plane asks when it applies a configuration.
 */
export function luaSyntaxFault(text: string): LuaFault | undefined {
  try {
    new Parser(text).chunk();
    return undefined;
  } catch (error) {
    if (error instanceof LuaSyntaxError) return { line: error.line, message: error.message };
    throw error;
  }
}

/**
 * Whether a chunk of good grammar gives back no value anywhere, or nothing but one constant: no function can come of it.
 * What a call or a variable gives is known when it runs.
 */
export function returnsNoFunction(text: string): boolean {
  const parser = new Parser(text);
  parser.chunk();
  return !parser.mayReturnFunction;
}

/** As deep as Lua's own compiler goes. */
const depthMax = 200;

const blockEnds = new Set(['end', 'else', 'elseif', 'until', '<eof>', 'return']);
/** What ends the first expression after `return`. */
const listEnds = new Set([...blockEnds, ';', ',']);
const constants = new Set(['nil', 'true', 'false']);
const unaryOperators = new Set(['not', '-', '#', '~']);
const unaryPriority = 12;
/** Left and right: right is lower where an operator binds to the right. */
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

/** What a function's body may hold. */
interface Scope {
  readonly isVararg: boolean;
  loops: number;
}

/** Lua's grammar by recursive descent; nothing is built. */
class Parser {
  readonly #lexer: LuaLexer;
  #token: LuaToken;
  #ahead: LuaToken | undefined;
  #depth = 0;
  readonly #main: Scope = { isVararg: true, loops: 0 };
  #scope = this.#main;
  #mayReturnFunction = false;

  constructor(text: string) {
    this.#lexer = new LuaLexer(text);
    this.#token = this.#lexer.next();
  }

  get mayReturnFunction(): boolean {
    return this.#mayReturnFunction;
  }

  chunk(): void {
    this.#block();
    if (this.#token.kind !== 'end') this.#unexpected("'<eof>' expected");
  }

  #block(): void {
    this.#nested(() => {
      while (!this.#atBlockEnd()) this.#statement();
      if (!this.#accept('return')) return;
      if (!this.#atBlockEnd() && !this.#is(';')) this.#returned();
      this.#accept(';');
    });
  }

  #returned(): void {
    const { kind, text } = this.#token;
    const isLiteral = kind === 'number' || kind === 'string' || (kind === 'symbol' && constants.has(text));
    const next = this.#peek();
    const isConstant = isLiteral && (next.kind === 'end' || (next.kind === 'symbol' && listEnds.has(next.text)));
    this.#expressions();
    if (this.#scope === this.#main && !isConstant) this.#mayReturnFunction = true;
  }

  #atBlockEnd(): boolean {
    return this.#token.kind === 'end' || (this.#token.kind === 'symbol' && blockEnds.has(this.#token.text));
  }

  #statement(): void {
    const { line } = this.#token;
    if (this.#accept(';')) return;
    if (this.#accept('::')) {
      this.#name();
      return this.#expect('::');
    }
    if (this.#accept('goto')) return this.#name();
    if (this.#accept('break')) return this.#break(line);
    if (this.#accept('do')) return this.#blockUntilEnd('do', line);
    if (this.#accept('while')) {
      this.#expression();
      this.#expect('do');
      return this.#loop(() => this.#blockUntilEnd('while', line));
    }
    if (this.#accept('repeat')) {
      this.#loop(() => this.#block());
      this.#close('until', 'repeat', line);
      return this.#expression();
    }
    if (this.#accept('if')) return this.#if(line);
    if (this.#accept('for')) return this.#for(line);
    if (this.#accept('function')) return this.#functionStatement(line);
    if (this.#accept('local')) return this.#local();
    this.#callOrAssignment();
  }

  #break(line: number): void {
    if (this.#scope.loops > 0) return;
    throw new LuaSyntaxError(line, `break outside a loop at line ${line} near ${this.#near()}`);
  }

  #loop(body: () => void): void {
    this.#scope.loops++;
    body();
    this.#scope.loops--;
  }

  #if(line: number): void {
    do {
      this.#expression();
      this.#expect('then');
      this.#block();
    } while (this.#accept('elseif'));
    if (this.#accept('else')) this.#block();
    this.#close('end', 'if', line);
  }

  #for(line: number): void {
    this.#name();
    if (this.#accept('=')) {
      this.#expression();
      this.#expect(',');
      this.#expression();
      if (this.#accept(',')) this.#expression();
    } else {
      while (this.#accept(',')) this.#name();
      if (!this.#accept('in')) this.#unexpected("'=' or 'in' expected");
      this.#expressions();
    }
    this.#expect('do');
    this.#loop(() => this.#blockUntilEnd('for', line));
  }

  #functionStatement(line: number): void {
    this.#name();
    while (this.#accept('.')) this.#name();
    if (this.#accept(':')) this.#name();
    this.#functionBody(line);
  }

  #local(): void {
    const { line } = this.#token;
    if (this.#accept('function')) {
      this.#name();
      return this.#functionBody(line);
    }
    do {
      this.#name();
      if (this.#accept('<')) this.#attribute();
    } while (this.#accept(','));
    if (this.#accept('=')) this.#expressions();
  }

  #attribute(): void {
    const { text, line } = this.#token;
    this.#name();
    this.#expect('>');
    if (text !== 'const' && text !== 'close') throw new LuaSyntaxError(line, `unknown attribute '${text}'`);
  }

  #callOrAssignment(): void {
    let kind = this.#suffixed();
    if (!this.#is('=') && !this.#is(',')) {
      if (kind !== 'call') this.#unexpected('syntax error');
      return;
    }
    while (kind === 'variable' && this.#accept(',')) kind = this.#suffixed();
    if (kind !== 'variable') this.#unexpected('syntax error');
    this.#expect('=');
    this.#expressions();
  }

  #functionBody(line: number): void {
    this.#expect('(');
    let isVararg = false;
    if (!this.#is(')')) {
      do {
        isVararg = this.#accept('...');
        if (!isVararg) this.#name();
      } while (!isVararg && this.#accept(','));
    }
    this.#expect(')');
    const outer = this.#scope;
    this.#scope = { isVararg, loops: 0 };
    this.#blockUntilEnd('function', line);
    this.#scope = outer;
  }

  #blockUntilEnd(opening: string, line: number): void {
    this.#block();
    this.#close('end', opening, line);
  }

  #expressions(): void {
    do this.#expression();
    while (this.#accept(','));
  }

  #expression(limit = 0): void {
    this.#nested(() => {
      if (this.#token.kind === 'symbol' && unaryOperators.has(this.#token.text)) {
        this.#advance();
        this.#expression(unaryPriority);
      } else this.#simple();
      for (;;) {
        const { kind, text } = this.#token;
        const priorities =
          kind === 'symbol' && Object.hasOwn(binaryPriorities, text) ? binaryPriorities[text] : undefined;
        if (priorities === undefined || priorities[0] <= limit) return;
        this.#advance();
        this.#expression(priorities[1]);
      }
    });
  }

  #simple(): void {
    const { kind, text, line } = this.#token;
    if (kind === 'number' || kind === 'string') return this.#advance();
    if (kind === 'symbol' && (text === 'nil' || text === 'true' || text === 'false')) return this.#advance();
    if (this.#accept('...')) {
      if (!this.#scope.isVararg) {
        throw new LuaSyntaxError(line, "cannot use '...' outside a vararg function near '...'");
      }
      return;
    }
    if (this.#is('{')) return this.#table();
    if (this.#accept('function')) return this.#functionBody(line);
    this.#suffixed();
  }

  /** A variable, a call or an expression in parentheses, with all that hangs on it. */
  #suffixed(): 'variable' | 'call' | 'value' {
    const { line } = this.#token;
    let kind: 'variable' | 'call' | 'value' = 'variable';
    if (this.#accept('(')) {
      this.#expression();
      this.#close(')', '(', line);
      kind = 'value';
    } else if (this.#token.kind === 'name') this.#advance();
    else this.#unexpected('unexpected symbol');
    for (;;) {
      if (this.#accept('.')) {
        this.#name();
        kind = 'variable';
      } else if (this.#accept('[')) {
        this.#expression();
        this.#expect(']');
        kind = 'variable';
      } else if (this.#accept(':')) {
        this.#name();
        if (!this.#arguments()) this.#unexpected('function arguments expected');
        kind = 'call';
      } else if (this.#arguments()) kind = 'call';
      else return kind;
    }
  }

  #arguments(): boolean {
    const { line } = this.#token;
    if (this.#token.kind === 'string') this.#advance();
    else if (this.#is('{')) this.#table();
    else if (this.#accept('(')) {
      if (!this.#is(')')) this.#expressions();
      this.#close(')', '(', line);
    } else return false;
    return true;
  }

  #table(): void {
    const { line } = this.#token;
    this.#expect('{');
    while (!this.#is('}')) {
      if (this.#accept('[')) {
        this.#expression();
        this.#expect(']');
        this.#expect('=');
      } else if (this.#token.kind === 'name' && this.#peek().text === '=') {
        this.#advance();
        this.#advance();
      }
      this.#expression();
      if (!this.#accept(',') && !this.#accept(';')) break;
    }
    this.#close('}', '{', line);
  }

  #nested(work: () => void): void {
    if (++this.#depth > depthMax) throw new LuaSyntaxError(this.#token.line, 'nested too deeply');
    work();
    this.#depth--;
  }

  #is(text: string): boolean {
    return this.#token.kind === 'symbol' && this.#token.text === text;
  }

  #accept(text: string): boolean {
    const found = this.#is(text);
    if (found) this.#advance();
    return found;
  }

  #expect(text: string): void {
    if (!this.#accept(text)) this.#unexpected(`'${text}' expected`);
  }

  /** What closes something that was opened on another line says so. */
  #close(text: string, opening: string, line: number): void {
    if (this.#accept(text)) return;
    const where = line === this.#token.line ? '' : ` (to close '${opening}' at line ${line})`;
    this.#unexpected(`'${text}' expected${where}`);
  }

  #name(): void {
    if (this.#token.kind !== 'name') this.#unexpected('<name> expected');
    this.#advance();
  }

  #advance(): void {
    this.#token = this.#ahead ?? this.#lexer.next();
    this.#ahead = undefined;
  }

  #peek(): LuaToken {
    return (this.#ahead ??= this.#lexer.next());
  }

  #near(): string {
    return this.#token.kind === 'end' ? '<eof>' : `'${this.#token.text}'`;
  }

  #unexpected(message: string): never {
    throw new LuaSyntaxError(this.#token.line, `${message} near ${this.#near()}`);
  }
}
