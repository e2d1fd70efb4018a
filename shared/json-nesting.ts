/**
 * How deep JSON may nest where code that calls itself walks it: validators, encoders, checks. Far below what the stack
 * holds, since near its end not only a RangeError can come up: V8 ends the process when it compiles a regular expression
 * there.
 */
export const jsonNestingMax = 500;

/** Tells whether JSON text nests deeper than `jsonNestingMax`. For text that is not JSON the answer means nothing. */
export function isNestedTooDeeply(jsonText: string): boolean {
  // Most bodies are too short to nest so deeply.
  if (jsonText.length <= jsonNestingMax) return false;
  let depth = 0;
  let inString = false;
  for (let index = 0; index < jsonText.length; index += 1) {
    const code = jsonText.charCodeAt(index);
    if (inString) {
      if (code === backslash) index += 1;
      else if (code === quote) inString = false;
    } else if (code === quote) {
      inString = true;
    } else if (code === openBrace || code === openBracket) {
      depth += 1;
      if (depth > jsonNestingMax) return true;
    } else if (code === closeBrace || code === closeBracket) {
      depth -= 1;
    }
  }
  return false;
}

const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d];
