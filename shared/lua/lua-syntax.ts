import { LuaSyntaxError } from './lua-lexer.ts';
import { LuaParser } from './lua-parser.ts';

export interface LuaFault {
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

/**
 * Returns why a text is not a Lua 5.4 chunk; undefined when its grammar is good. The function is pure, so that both
 * planes can check with it. Jumps, constants and the compiler's limits are left to Lua itself, which a data plane asks
 * when it applies a configuration.
 */
export function luaSyntaxFault(text: string): LuaFault | undefined {
  try {
    new LuaParser(text).chunk();
    return undefined;
  } catch (error) {
    if (error instanceof LuaSyntaxError) return { line: error.line, message: error.message };
    throw error;
  }
}

/**
 * Returns true when a chunk of good grammar returns no value anywhere, or nothing but one constant, so that it can never
 * return a function. The value of a call or a variable is only known when the chunk runs.
 */
export function returnsNoFunction(text: string): boolean {
  const parser = new LuaParser(text);
  parser.chunk();
  return !parser.mayReturnFunction;
}

/**
 * Returns the line where a chunk of good grammar first uses a global variable that it never assigns; undefined when it
 * does not. Locals, fields (`message.kong`) and members of a table (`{ kong = 1 }`) of that name do not count.
 */
export function undefinedGlobalLine(text: string, name: string): number | undefined {
  const parser = new LuaParser(text);
  parser.chunk();
  return parser.names.undefinedGlobalLine(name);
}
