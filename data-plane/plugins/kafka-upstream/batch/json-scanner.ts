import { jsonNestingMax } from '../../../../shared/json-nesting.ts';

/** The bytes are no JSON (RFC 8259). */
export class JsonFault extends Error {
  /** The index of the byte that does not fit. */
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.name = 'JsonFault';
    this.at = at;
  }
}

const quote = 0x22;
const comma = 0x2c;
const minus = 0x2d;
const point = 0x2e;
const zero = 0x30;
const nine = 0x39;
const colon = 0x3a;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** What may come next within a value. */
const expecting = { value: 0, valueOrEnd: 1, key: 2, keyOrEnd: 3, more: 4 } as const;
type Expecting = (typeof expecting)[keyof typeof expecting];

/** Bytes that a string holds as they are; a quote, a backslash and control characters are not. */
const isPlain = Uint8Array.from({ length: 256 }, (_, code) =>
  code >= 0x20 && code !== quote && code !== backslash ? 1 : 0,
);
const escapes = new Set(Array.from('"\\/bfnrtu', (char) => char.charCodeAt(0)));
const words = ['true', 'false', 'null'].map((word) => Buffer.from(word));

/**
 * Finds the ends of JSON values in bytes, and refuses what is no JSON, without building values: of a large body only the
 * elements are ever parsed. Own code because JSON.parse takes whole texts only and streaming parsers build each value,
 * which takes ten times as long. The bytes must be valid UTF-8.
 */
export class JsonScanner {
  readonly bytes: Buffer;
  /** The index of the next byte. */
  at: number;
  #end: number;
  /** The kinds of the values that are open. */
  readonly #isObject = new Uint8Array(jsonNestingMax + 1);
  #depth = 0;
  #state: Expecting = expecting.value;

  constructor(bytes: Buffer, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.#end = end;
  }

  /** Begins at another place, with another end. */
  moveTo(at: number, end: number): void {
    this.at = at;
    this.#end = end;
    this.#depth = 0;
    this.#state = expecting.value;
  }

  /** Skips white space and returns the next byte; -1 at the end. */
  skipSpace(): number {
    const { bytes } = this;
    const end = this.#end;
    let { at } = this;
    while (at < end && isSpace(bytes[at] ?? 0)) at++;
    this.at = at;
    return at < end ? (bytes[at] ?? -1) : -1;
  }

  /** Takes a byte behind white space. @returns false when another one is next */
  take(code: number): boolean {
    if (this.skipSpace() !== code) return false;
    this.at++;
    return true;
  }

  /** Reads the key that is next, with its colon. @throws JsonFault */
  readKey(): string {
    if (this.skipSpace() !== quote) throw this.#fault('a key in quotes');
    const start = this.at;
    this.at = this.#stringEnd(start);
    const text = this.bytes.toString('utf8', start, this.at);
    if (!this.take(colon)) throw this.#fault("':'");
    const key: unknown = JSON.parse(text);
    return String(key);
  }

  /**
   * Skips the value that is next, white space before it included. @returns false after about `bytesMax` bytes, when it has
   * to be called again. @throws JsonFault
   */
  skipValue(bytesMax = Infinity): boolean {
    const { bytes } = this;
    const stop = this.at + bytesMax;
    let state = this.#state;
    for (;;) {
      const code = this.skipSpace();
      if (state === expecting.more) {
        state = this.#skipSeparator(code);
      } else if (state === expecting.key || (state === expecting.keyOrEnd && code !== closeBrace)) {
        if (code !== quote) throw this.#fault('a key in quotes');
        this.at = this.#stringEnd(this.at);
        if (bytes[this.at] === colon) this.at++;
        else if (!this.take(colon)) throw this.#fault("':'");
        state = expecting.value;
      } else if (state === expecting.keyOrEnd || (state === expecting.valueOrEnd && code === closeBracket)) {
        this.#depth--;
        this.at++;
        state = expecting.more;
      } else {
        state = this.#skipStart(code);
      }
      if (state === expecting.more && this.#depth === 0) {
        this.#state = expecting.value;
        return true;
      }
      if (this.at >= stop) {
        this.#state = state;
        return false;
      }
    }
  }

  /** Skips what follows a value within an array or object. */
  #skipSeparator(code: number): Expecting {
    const isObject = this.#isObject[this.#depth] === 1;
    if (code === comma) {
      this.at++;
      return isObject ? expecting.key : expecting.value;
    }
    if (code !== (isObject ? closeBrace : closeBracket)) throw this.#fault(isObject ? "',' or '}'" : "',' or ']'");
    this.#depth--;
    this.at++;
    return expecting.more;
  }

  /** Skips a value without parts, or the beginning of another one. */
  #skipStart(code: number): Expecting {
    if (code === quote) {
      this.at = this.#stringEnd(this.at);
      return expecting.more;
    }
    if (code === openBrace || code === openBracket) {
      if (++this.#depth > jsonNestingMax) throw new JsonFault(`is nested deeper than ${jsonNestingMax}`, this.at);
      const isObject = code === openBrace;
      this.#isObject[this.#depth] = isObject ? 1 : 0;
      this.at++;
      return isObject ? expecting.keyOrEnd : expecting.valueOrEnd;
    }
    this.at = code === minus || isDigit(code) ? this.#numberEnd() : this.#wordEnd();
    return expecting.more;
  }

  /** Returns the index behind the closing quote of the string that begins here. */
  #stringEnd(start: number): number {
    const { bytes } = this;
    const end = this.#end;
    let at = start + 1;
    for (;;) {
      while (at < end && isPlain[bytes[at] ?? 0] === 1) at++;
      const code = at < end ? bytes[at] : undefined;
      if (code === quote) return at + 1;
      this.at = at;
      if (code !== backslash) throw this.#fault('the end of a string');
      const escape = bytes[at + 1] ?? 0;
      if (at + 1 >= end || !escapes.has(escape)) throw this.#fault('an escape');
      at += 2;
      if (escape !== 0x75) continue;
      for (const last = at + 4; at < last; at++) {
        if (at >= end || !isHex(bytes[at] ?? 0)) throw this.#fault('four hexadecimal digits');
      }
    }
  }

  #numberEnd(): number {
    const { bytes } = this;
    if (bytes[this.at] === minus) this.at++;
    if (bytes[this.at] === zero) this.at++;
    else this.#skipDigits();
    if (bytes[this.at] === point && this.at < this.#end) {
      this.at++;
      this.#skipDigits();
    }
    // Lower and upper case.
    if (((bytes[this.at] ?? 0) | 32) === 0x65 && this.at < this.#end) {
      this.at++;
      const sign = bytes[this.at];
      if (sign === 0x2b || sign === minus) this.at++;
      this.#skipDigits();
    }
    return this.at;
  }

  #skipDigits(): void {
    const { bytes } = this;
    const start = this.at;
    while (this.at < this.#end && isDigit(bytes[this.at] ?? 0)) this.at++;
    if (this.at === start) throw this.#fault('a digit');
  }

  #wordEnd(): number {
    const { bytes, at } = this;
    for (const word of words) {
      const end = at + word.length;
      if (end <= this.#end && word.compare(bytes, at, end) === 0) return end;
    }
    throw this.#fault('a JSON value');
  }

  #fault(expected: string): JsonFault {
    const { at } = this;
    const found = at < this.#end ? `byte ${(this.bytes[at] ?? 0).toString(16).padStart(2, '0')}` : 'the end';
    return new JsonFault(`expected ${expected}, but found ${found}`, at);
  }
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function isDigit(code: number): boolean {
  return code >= zero && code <= nine;
}

function isHex(code: number): boolean {
  const lower = code | 32;
  return isDigit(code) || (lower >= 0x61 && lower <= 0x66);
}
