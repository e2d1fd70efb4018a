/** A double holds numbers of up to this many digits exactly. */
const exactDigitsMax = 15;
const powersOf10 = Array.from({ length: exactDigitsMax + 1 }, (_, exponent) => 10 ** exponent);
const initialBytes = 16 * 1024;
/** Largest buffer that is kept after a large text. */
const keptBytesMax = 1024 * 1024;

/** Characters that JSON is made of. */
export const codes = {
  space: 32,
  quote: 34,
  comma: 44,
  minus: 45,
  point: 46,
  zero: 48,
  nine: 57,
  colon: 58,
  openBracket: 91,
  backslash: 92,
  closeBracket: 93,
  e: 101,
  n: 110,
  openBrace: 123,
  closeBrace: 125,
} as const;

/**
 * Reads JSON text straight into another form. It knows the common spellings only and returns false (or undefined) for all
 * others, also for faulty JSON: the caller then parses the whole text instead. It works on the text's bytes, which are
 * several times faster to read than a string's characters.
 */
export class JsonCursor {
  /** The text in UTF-8 and a zero, which JSON cannot hold. */
  bytes = Buffer.allocUnsafeSlow(initialBytes);
  /** The index of the next byte. */
  at = 0;
  /** The number that `readNumber` read. */
  number = 0;
  #end = 0;

  /** Begins a text. @returns false for text that UTF-8 cannot hold */
  begin(text: string): boolean {
    const needed = text.length * 3 + 1;
    if (needed > this.bytes.length || this.bytes.length > keptBytesMax) {
      this.bytes = Buffer.allocUnsafeSlow(Math.max(needed, initialBytes));
    }
    this.at = 0;
    this.#end = this.bytes.write(text, 'utf8');
    this.bytes[this.#end] = 0;
    return this.#end === text.length || !/\p{Surrogate}/u.test(text);
  }

  isAtEnd(): boolean {
    return this.next() === 0 && this.at === this.#end;
  }

  /** Skips white space and returns the next byte. */
  next(): number {
    const { bytes } = this;
    let code = bytes[this.at] ?? 0;
    while (code === codes.space || code === 10 || code === 13 || code === 9) code = bytes[++this.at] ?? 0;
    return code;
  }

  /** Reads past this character. @returns false when another one is next */
  take(code: number): boolean {
    if (this.next() !== code) return false;
    this.at++;
    return true;
  }

  takeWord(word: Uint8Array): boolean {
    this.next();
    const { bytes, at } = this;
    const { length } = word;
    for (let index = 0; index < length; index++) if (bytes[at + index] !== word[index]) return false;
    this.at = at + length;
    return true;
  }

  /** Reads past this key, given with its quotes, and its colon. @returns false when something else is next */
  takeKey(quoted: Uint8Array): boolean {
    const { at } = this;
    if (this.takeWord(quoted) && this.take(codes.colon)) return true;
    this.at = at;
    return false;
  }

  /** Reads a number of few digits and without exponent, which a double holds exactly. @returns false for any other */
  readNumber(): boolean {
    const { bytes } = this;
    let code = this.next();
    let { at } = this;
    const isNegative = code === codes.minus;
    if (isNegative) code = bytes[++at] ?? 0;
    const start = at;
    let whole = 0;
    for (; code >= codes.zero && code <= codes.nine; code = bytes[++at] ?? 0) whole = whole * 10 + code - codes.zero;
    let digits = at - start;
    if (digits === 0 || (digits > 1 && bytes[start] === codes.zero)) return false;
    let fractionDigits = 0;
    if (code === codes.point) {
      const fractionStart = at + 1;
      code = bytes[++at] ?? 0;
      for (; code >= codes.zero && code <= codes.nine; code = bytes[++at] ?? 0) whole = whole * 10 + code - codes.zero;
      fractionDigits = at - fractionStart;
      if (fractionDigits === 0) return false;
      digits += fractionDigits;
    }
    // Lower and upper case.
    const hasExponent = (code | 32) === codes.e;
    if (digits > exactDigitsMax || hasExponent) return false;
    // Both are exact, so their quotient is the double nearest to the text.
    const value = fractionDigits === 0 ? whole : whole / (powersOf10[fractionDigits] ?? 1);
    this.number = isNegative ? -value : value;
    this.at = at;
    return true;
  }

  /** Returns the text of the next value, which need not be JSON. */
  readValueText(): string {
    this.next();
    const start = this.at;
    let depth = 0;
    while (this.at < this.#end) {
      const code = this.bytes[this.at] ?? 0;
      const opens = code === codes.openBrace || code === codes.openBracket;
      const closes = code === codes.closeBrace || code === codes.closeBracket;
      if (depth === 0 && (closes || code === codes.comma)) break;
      if (code === codes.quote) this.#skipString();
      else this.at++;
      if (opens) depth++;
      if (closes) depth--;
    }
    return this.bytes.toString('utf8', start, this.at);
  }

  #skipString(): void {
    let code = 0;
    do {
      code = this.bytes[++this.at] ?? 0;
      if (code === codes.backslash) this.at++;
    } while (code !== codes.quote && this.at < this.#end);
    this.at++;
  }
}
