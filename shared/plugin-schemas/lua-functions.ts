import { luaSyntaxFault, returnsNoFunction, undefinedGlobalLine } from '../lua/lua-syntax.ts';

/** `return function(message) return message.body end`, with any name and spacing. */
const bodyIdiom =
  /^\s*return\s+function\s*\(\s*([A-Za-z_][A-Za-z0-9_]*)\s*\)\s*return\s+\1\s*\.\s*body\s*;?\s*end\s*;?\s*$/;

/** Checks one element of `message_by_lua_functions`: its grammar, with the line of a fault, and that it may return a function. */
export function luaFunction(source: string): string | undefined {
  const fault = luaSyntaxFault(source);
  if (fault !== undefined) return `line ${fault.line}: ${fault.message}`;
  return returnsNoFunction(source)
    ? "expected 'return function(message) … end', but the chunk returns none"
    : undefined;
}

/** Refuses Lua that uses Kong's plugin API, which is no part of Sluice: it would fail with every request. */
export function luaWithoutKong(source: string): string | undefined {
  if (luaSyntaxFault(source) !== undefined) return undefined;
  const line = undefinedGlobalLine(source, 'kong');
  return line === undefined ? undefined : `line ${line}: there is no global 'kong' here: chunks see the message alone`;
}

/** Tells whether a chain only takes the body out of the envelope, for which no Lua need run. */
export function takesBodyOnly(functions: readonly string[] | null): boolean {
  return functions?.length === 1 && functions.every((source) => bodyIdiom.test(source));
}
