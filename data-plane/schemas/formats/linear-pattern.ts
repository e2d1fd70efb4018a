import { RE2JS, RE2JSException } from 're2js';
import { unicodePattern, type UnicodePattern } from './unicode-pattern.ts';

/** A pattern as a validator uses it. */
export interface Pattern {
  test(text: string): boolean;
  toString(): string;
}

/** White space and line ends as JavaScript counts them, beyond ASCII too (ECMA-262, 12.2 and 12.3). */
const space = '\\t-\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}';
const noSpace =
  '\\x{0}-\\x{8}\\x{e}-\\x{1f}!-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}' +
  '\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}';
const noLineEnd = '[^\\n\\r\\x{2028}\\x{2029}]';

/**
 * Compiles a regular expression of JSON Schema (ECMA-262 with the flag `u`) for an engine whose time grows with the text
 * alone: clients choose the text, and one pattern in a schema could otherwise hold the process for minutes. V8 runs what
 * that engine does not have: lookaround, back references, more than 1,000 repetitions. A pattern that is good without the
 * flag only, or in Java, is read as its author meant it (`unicode-pattern.ts`).
 *
 * @throws SyntaxError
 */
export function linearPattern(source: string, flags: string): Pattern {
  const { pattern, flags: more } = readable(source);
  const plain = new RegExp(pattern, flags + more);
  // RE2's engine takes references for letters.
  if (flags !== 'u' || /\\[1-9k]/.test(pattern.replaceAll('\\\\', ''))) return plain;
  let linear: RE2JS;
  try {
    linear = RE2JS.compile(RE2JS.translateRegExp(withUnicodeClasses(pattern)), re2Flags(more));
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    return plain;
  }
  return { test: (text) => linear.test(text), toString: () => String(plain) };
}

function readable(source: string): UnicodePattern {
  try {
    return { pattern: new RegExp(source, 'u').source, flags: '' };
  } catch {
    // The error is thrown where the rewritten pattern is no better.
    return unicodePattern(source);
  }
}

function re2Flags(flags: string): number {
  return (
    (flags.includes('i') ? RE2JS.CASE_INSENSITIVE : 0) |
    (flags.includes('m') ? RE2JS.MULTILINE : 0) |
    (flags.includes('s') ? RE2JS.DOTALL : 0)
  );
}

/** Returns the pattern with `.`, `\s` and `\S` as the sets that they are in JavaScript: RE2's know ASCII only. */
function withUnicodeClasses(pattern: string): string {
  let isClass = false;
  return pattern.replace(/\\[^]|[.[\]]/g, (token) => {
    if (token === '[' || token === ']') {
      isClass = token === '[';
      return token;
    }
    if (token === '.') return isClass ? token : noLineEnd;
    const set = token === '\\s' ? space : token === '\\S' ? noSpace : undefined;
    if (set === undefined) return token;
    return isClass ? set : `[${set}]`;
  });
}
