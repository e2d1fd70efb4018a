import { GrowingBuffer } from './growing-buffer.ts';

/** Above this a zig-zag number leaves the integers that a double holds exactly. */
const exactZigZagMax = 2 ** 52;
/** Strings up to this length, whose length takes one byte, are copied here: faster than the call into native code. */
const shortTextMax = 63;

/**
 * Avro's binary encoding into one growing buffer, which is reused from record to record. Our own rather than avsc's:
 * values are checked and written in one pass straight from the parsed JSON, and a union takes back what a branch that
 * turned out not to fit has written, by setting `position`.
 */
export class AvroWriter {
  position = 0;
  /** Nesting of records, counted by their nodes. */
  depth = 0;
  /** Bytes that may still be written in vain, to find the branches of unions. */
  trialBytesLeft = 0;
  /** A number was met that JSON.parse may have rounded where that matters. */
  sawRounded = false;
  readonly #store = new GrowingBuffer();

  reset(): void {
    this.position = 0;
    this.depth = 0;
    this.sawRounded = false;
    this.#store.reset();
  }

  /** Returns a copy of what was written. */
  take(): Buffer {
    return this.#store.copy(this.position);
  }

  raw(bytes: Uint8Array): void {
    const buffer = this.#store.reserve(this.position, bytes.length);
    buffer.set(bytes, this.position);
    this.position += bytes.length;
  }

  byte(value: number): void {
    const buffer = this.#store.reserve(this.position, 1);
    buffer[this.position++] = value;
  }

  /** A whole number within 32 bits. */
  int(value: number): void {
    const buffer = this.#store.reserve(this.position, 5);
    let rest = ((value << 1) ^ (value >> 31)) >>> 0;
    while (rest > 127) {
      buffer[this.position++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    buffer[this.position++] = rest;
  }

  /** A whole number within 64 bits; a plain number must be a safe integer. */
  long(value: number | bigint): void {
    if (typeof value === 'bigint' || value > exactZigZagMax || value < -exactZigZagMax) {
      this.#bigLong(BigInt(value));
      return;
    }
    if (value === (value | 0)) {
      this.int(value);
      return;
    }
    const buffer = this.#store.reserve(this.position, 10);
    let rest = value < 0 ? -value * 2 - 1 : value * 2;
    while (rest > 127) {
      buffer[this.position++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    buffer[this.position++] = rest;
  }

  float(value: number): void {
    const buffer = this.#store.reserve(this.position, 4);
    this.position = buffer.writeFloatLE(value, this.position);
  }

  double(value: number): void {
    const buffer = this.#store.reserve(this.position, 8);
    this.position = buffer.writeDoubleLE(value, this.position);
  }

  bytes(value: Uint8Array): void {
    this.int(value.length);
    this.raw(value);
  }

  /** False when the text holds a lone surrogate, which UTF-8 cannot carry. */
  string(value: string): boolean {
    const length = value.length;
    if (length <= shortTextMax) {
      const buffer = this.#store.reserve(this.position, length + 1);
      const start = this.position;
      buffer[start] = length << 1;
      let at = 0;
      for (; at < length; at++) {
        const code = value.charCodeAt(at);
        if (code > 127) break;
        buffer[start + 1 + at] = code;
      }
      if (at === length) {
        this.position = start + 1 + length;
        return true;
      }
    }
    // Most text is ASCII: write it where it then belongs, and move it when its length takes more bytes.
    const guessed = varintBytes(length);
    const buffer = this.#store.reserve(this.position, guessed + 1 + length * 3);
    const start = this.position;
    const written = buffer.write(value, start + guessed, 'utf8');
    if (written !== length) {
      if (/\p{Surrogate}/u.test(value)) return false;
      const needed = varintBytes(written);
      if (needed !== guessed) buffer.copyWithin(start + needed, start + guessed, start + guessed + written);
    }
    this.int(written);
    this.position += written;
    return true;
  }

  /**
   * Writes a JSON string that stands in UTF-8, from behind its opening quote; gives the place behind its closing quote,
   * or 0 for a string with escapes and for what is no string.
   */
  jsonString(bytes: Buffer, start: number): number {
    const buffer = this.#store.reserve(this.position, shortTextMax + 1);
    const place = this.position;
    let at = start;
    let target = place + 1;
    let code = bytes[at] ?? 0;
    while (code !== 34) {
      // Control characters are not JSON, and a backslash begins an escape.
      if (code < 32 || code === 92) return 0;
      if (at - start === shortTextMax) return this.#longJsonString(bytes, start);
      buffer[target++] = code;
      code = bytes[++at] ?? 0;
    }
    buffer[place] = (at - start) << 1;
    this.position = target;
    return at + 1;
  }

  #longJsonString(bytes: Buffer, start: number): number {
    const end = bytes.indexOf(34, start);
    for (let at = start; at < end; at++) {
      const code = bytes[at] ?? 0;
      if (code < 32 || code === 92) return 0;
    }
    if (end < 0) return 0;
    const length = end - start;
    this.int(length);
    const buffer = this.#store.reserve(this.position, length);
    bytes.copy(buffer, this.position, start, end);
    this.position += length;
    return end + 1;
  }

  /** Begins a block of items whose number is not known yet; gives its place for `closeBlock`. */
  openBlock(): number {
    this.#store.reserve(this.position, 1);
    return this.position++;
  }

  /** Puts the number of items before those that were written since; with none there is no block. */
  closeBlock(place: number, count: number): void {
    if (count === 0) {
      this.position = place;
      return;
    }
    const end = this.position;
    const extra = varintBytes(count) - 1;
    if (extra > 0) {
      const buffer = this.#store.reserve(this.position, extra);
      buffer.copyWithin(place + 1 + extra, place + 1, end);
    }
    this.position = place;
    this.int(count);
    this.position = end + extra;
  }

  #bigLong(value: bigint): void {
    const buffer = this.#store.reserve(this.position, 10);
    let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
    while (rest > 127n) {
      buffer[this.position++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    buffer[this.position++] = Number(rest);
  }
}

/** Bytes of a length that is written as a zig-zag number. */
function varintBytes(length: number): number {
  let bytes = 1;
  for (let rest = length * 2; rest > 127; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}
