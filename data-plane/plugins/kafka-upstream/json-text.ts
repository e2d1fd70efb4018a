/** Returns the text of the number at a path inside valid JSON text, as `valueTextAt` does; undefined for other values. */
export function numberTextAt(jsonText: string, tokens: readonly string[]): string | undefined {
  const text = valueTextAt(jsonText, tokens);
  return text !== undefined && /^-?[0-9]/.test(text) ? text : undefined;
}

/**
 * Returns the exact text of the value at a path inside valid JSON text: what JSON.parse would round or rewrite (`1.0`,
 * `1e3`, 64-bit integers) stays as it was written. Own code because lossless-json builds every value of the text for one
 * number. As with JSON.parse, the last of repeated names counts.
 */
export function valueTextAt(jsonText: string, tokens: readonly string[]): string | undefined {
  let at: number | undefined = skipSpace(jsonText, 0);
  for (const token of tokens) {
    at = jsonText[at] === '{' ? memberAt(jsonText, at, token) : elementAt(jsonText, at, Number(token));
    if (at === undefined) return undefined;
  }
  return jsonText.slice(at, skipValue(jsonText, at));
}

/** Returns the position of a member's value in the object that starts at `from`. */
function memberAt(text: string, from: number, name: string): number | undefined {
  let found: number | undefined;
  let at = skipSpace(text, from + 1);
  while (text[at] === '"') {
    const nameEnd = skipString(text, at);
    const raw = text.slice(at + 1, nameEnd - 1);
    // Past the colon.
    const valueStart = skipSpace(text, skipSpace(text, nameEnd) + 1);
    if (raw === name || (raw.includes('\\') && JSON.parse(`"${raw}"`) === name)) found = valueStart;
    at = skipComma(text, skipValue(text, valueStart));
  }
  return found;
}

/** Returns the position of an element in the array that starts at `from`. */
function elementAt(text: string, from: number, index: number): number | undefined {
  let at = skipSpace(text, from + 1);
  for (let passed = 0; passed < index; passed++) {
    if (at >= text.length || text[at] === ']') return undefined;
    at = skipComma(text, skipValue(text, at));
  }
  return text[at] === ']' ? undefined : at;
}

function skipValue(text: string, from: number): number {
  const first = text[from];
  if (first === '"') return skipString(text, from);
  if (first !== '{' && first !== '[') {
    let at = from;
    while (at < text.length && !',]} \t\r\n'.includes(text.charAt(at))) at++;
    return at;
  }
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const char = text[at];
    if (char === '"') {
      at = skipString(text, at);
      continue;
    }
    at++;
    if (char === '{' || char === '[') depth++;
    else if ((char === '}' || char === ']') && --depth === 0) break;
  }
  return at;
}

/** Returns the position behind the closing quote of the string that starts at `from`. */
function skipString(text: string, from: number): number {
  let at = from + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function skipComma(text: string, from: number): number {
  const at = skipSpace(text, from);
  return text[at] === ',' ? skipSpace(text, at + 1) : at;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && ' \t\r\n'.includes(text.charAt(at))) at++;
  return at;
}
