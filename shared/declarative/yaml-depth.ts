import { Lexer } from 'yaml';

/** How deep collections may be nested within brackets, or by indicators on one line. */
const depthMax = 100;
/** How far a line may be indented, in characters: each level of blocks is indented further. */
const indentMax = 400;

/**
 * Whether YAML text is nested deeper than any configuration. The parser recurses, and what overflows its stack takes it
 * very long to say so; the lexer does not.
 */
export function isYamlTooDeep(text: string): boolean {
  let brackets = 0;
  let indicators = 0;
  let isLineStart = true;
  for (const token of new Lexer().lex(text)) {
    if (token.startsWith('\n') || token.startsWith('\r\n')) {
      indicators = 0;
      isLineStart = true;
      continue;
    }
    if (token === '[' || token === '{') brackets += 1;
    else if (token === ']' || token === '}') brackets -= 1;
    else if (token === '-' || token === '?') indicators += 1;
    else if (isLineStart && token.length > indentMax && token.trim() === '') return true;
    if (brackets > depthMax || indicators > depthMax) return true;
    isLineStart = false;
  }
  return false;
}
