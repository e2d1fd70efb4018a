import { LuaExpressionParser, type Suffixed } from './lua-expression-parser.ts';
import { LuaSyntaxError } from './lua-lexer.ts';
import { LuaNames } from './lua-names.ts';
import { LuaTokenReader } from './lua-token-reader.ts';

/** Nesting that Lua's own compiler takes at most. */
const depthMax = 200;

const blockEnds = new Set(['end', 'else', 'elseif', 'until', '<eof>', 'return']);
/** Tokens that end the first expression after `return`. */
const listEnds = new Set([...blockEnds, ';', ',']);
const constants = new Set(['nil', 'true', 'false']);
/** The function whose body is being read. */
interface FunctionBody {
  readonly isVararg: boolean;
  loops: number;
}

/** Reads Lua's grammar by recursive descent; it builds nothing but the list of names. */
export class LuaParser {
  readonly names = new LuaNames();
  readonly #tokens: LuaTokenReader;
  readonly #expressions: LuaExpressionParser;
  #depth = 0;
  readonly #main: FunctionBody = { isVararg: true, loops: 0 };
  #function = this.#main;
  #mayReturnFunction = false;

  constructor(text: string) {
    this.#tokens = new LuaTokenReader(text);
    this.#expressions = new LuaExpressionParser({
      tokens: this.#tokens,
      names: this.names,
      isVararg: () => this.#function.isVararg,
      functionBody: (line) => this.#functionBody(line),
      nested: (work) => this.#nested(work),
    });
  }

  /** True when a `return` of the chunk itself gives anything but one constant; known once `chunk` has run. */
  get mayReturnFunction(): boolean {
    return this.#mayReturnFunction;
  }

  /** Reads the whole text. @throws LuaSyntaxError */
  chunk(): void {
    this.#block();
    if (this.#tokens.token.kind !== 'end') this.#tokens.unexpected("'<eof>' expected");
  }

  #block(): void {
    this.names.openBlock();
    this.#statements();
    this.names.closeBlock();
  }

  #statements(): void {
    this.#nested(() => {
      while (!this.#atBlockEnd()) this.#statement();
      if (!this.#tokens.accept('return')) return;
      if (!this.#atBlockEnd() && !this.#tokens.is(';')) this.#returned();
      this.#tokens.accept(';');
    });
  }

  #returned(): void {
    const { kind, text } = this.#tokens.token;
    const isLiteral = kind === 'number' || kind === 'string' || (kind === 'symbol' && constants.has(text));
    const next = this.#tokens.peek();
    const isConstant = isLiteral && (next.kind === 'end' || (next.kind === 'symbol' && listEnds.has(next.text)));
    this.#expressions.list();
    if (this.#function === this.#main && !isConstant) this.#mayReturnFunction = true;
  }

  #atBlockEnd(): boolean {
    const { kind, text } = this.#tokens.token;
    return kind === 'end' || (kind === 'symbol' && blockEnds.has(text));
  }

  #statement(): void {
    const tokens = this.#tokens;
    const { line } = tokens.token;
    if (tokens.accept(';')) return;
    if (tokens.accept('::')) {
      tokens.name();
      return tokens.expect('::');
    }
    if (tokens.accept('goto')) return void tokens.name();
    if (tokens.accept('break')) return this.#break(line);
    if (tokens.accept('do')) return this.#blockUntilEnd('do', line);
    if (tokens.accept('while')) {
      this.#expressions.one();
      tokens.expect('do');
      return this.#loop(() => this.#blockUntilEnd('while', line));
    }
    if (tokens.accept('repeat')) return this.#repeat(line);
    if (tokens.accept('if')) return this.#if(line);
    if (tokens.accept('for')) return this.#for(line);
    if (tokens.accept('function')) return this.#functionStatement(line);
    if (tokens.accept('local')) return this.#local();
    this.#callOrAssignment();
  }

  #break(line: number): void {
    if (this.#function.loops > 0) return;
    throw new LuaSyntaxError(line, `break outside a loop at line ${line} near ${this.#tokens.near()}`);
  }

  #loop(body: () => void): void {
    this.#function.loops++;
    body();
    this.#function.loops--;
  }

  /** The condition behind `until` sees the names of the loop's body. */
  #repeat(line: number): void {
    this.names.openBlock();
    this.#loop(() => this.#statements());
    this.#tokens.close('until', 'repeat', line);
    this.#expressions.one();
    this.names.closeBlock();
  }

  #if(line: number): void {
    const tokens = this.#tokens;
    do {
      this.#expressions.one();
      tokens.expect('then');
      this.#block();
    } while (tokens.accept('elseif'));
    if (tokens.accept('else')) this.#block();
    tokens.close('end', 'if', line);
  }

  #for(line: number): void {
    const tokens = this.#tokens;
    const variables = [tokens.name()];
    if (tokens.accept('=')) {
      this.#expressions.one();
      tokens.expect(',');
      this.#expressions.one();
      if (tokens.accept(',')) this.#expressions.one();
    } else {
      while (tokens.accept(',')) variables.push(tokens.name());
      if (!tokens.accept('in')) tokens.unexpected("'=' or 'in' expected");
      this.#expressions.list();
    }
    tokens.expect('do');
    this.names.openBlock();
    for (const name of variables) this.names.declare(name);
    this.#loop(() => this.#blockUntilEnd('for', line));
    this.names.closeBlock();
  }

  #functionStatement(line: number): void {
    const tokens = this.#tokens;
    const nameLine = tokens.token.line;
    const name = tokens.name();
    let isField = false;
    while (tokens.accept('.')) {
      isField = true;
      tokens.name();
    }
    const isMethod = tokens.accept(':');
    if (isMethod) tokens.name();
    if (isField || isMethod) this.names.use(name, nameLine);
    else this.names.assign(name);
    this.#functionBody(line, isMethod ? ['self'] : []);
  }

  #local(): void {
    const tokens = this.#tokens;
    const { line } = tokens.token;
    if (tokens.accept('function')) {
      this.names.declare(tokens.name());
      return this.#functionBody(line);
    }
    const declared: string[] = [];
    do {
      declared.push(tokens.name());
      if (tokens.accept('<')) this.#attribute();
    } while (tokens.accept(','));
    if (tokens.accept('=')) this.#expressions.list();
    for (const name of declared) this.names.declare(name);
  }

  #attribute(): void {
    const { line } = this.#tokens.token;
    const attribute = this.#tokens.name();
    this.#tokens.expect('>');
    if (attribute !== 'const' && attribute !== 'close') {
      throw new LuaSyntaxError(line, `unknown attribute '${attribute}'`);
    }
  }

  #callOrAssignment(): void {
    const tokens = this.#tokens;
    let last = this.#expressions.suffixed();
    if (!tokens.is('=') && !tokens.is(',')) {
      if (last.kind !== 'call') tokens.unexpected('syntax error');
      return;
    }
    this.#assigned(last);
    while (tokens.accept(',')) {
      last = this.#expressions.suffixed();
      this.#assigned(last);
    }
    tokens.expect('=');
    this.#expressions.list();
  }

  #assigned(target: Suffixed): void {
    if (target.kind === 'name') this.names.assign(target.name);
    else if (target.kind !== 'field') this.#tokens.unexpected('syntax error');
  }

  /** The parameters belong to a block around the body's. */
  #functionBody(line: number, parameters: readonly string[] = []): void {
    const tokens = this.#tokens;
    const outer = this.#function;
    tokens.expect('(');
    this.names.openBlock();
    for (const name of parameters) this.names.declare(name);
    this.#function = { isVararg: tokens.is(')') ? false : this.#parameters(), loops: 0 };
    tokens.expect(')');
    this.#blockUntilEnd('function', line);
    this.names.closeBlock();
    this.#function = outer;
  }

  /** Returns true when `...` is the last of them. */
  #parameters(): boolean {
    do {
      if (this.#tokens.accept('...')) return true;
      this.names.declare(this.#tokens.name());
    } while (this.#tokens.accept(','));
    return false;
  }

  #blockUntilEnd(opening: string, line: number): void {
    this.#block();
    this.#tokens.close('end', opening, line);
  }

  #nested(work: () => void): void {
    if (++this.#depth > depthMax) throw new LuaSyntaxError(this.#tokens.token.line, 'nested too deeply');
    work();
    this.#depth--;
  }
}
