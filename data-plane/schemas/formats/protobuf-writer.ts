import { GrowingBuffer } from './growing-buffer.ts';

/** Strings up to this length, whose length takes one byte, are copied here: faster than the call into native code. */
const shortTextMax = 63;

/** Protobuf's wire format into one growing buffer, which is reused from record to record. */
export class ProtobufWriter {
  position = 0;
  readonly #store = new GrowingBuffer();
  /** Halves of the 64-bit number being written. */
  #low = 0;
  #high = 0;

  reset(): void {
    this.position = 0;
    this.#store.reset();
  }

  /** Returns a copy of what was written. */
  take(): Buffer {
    return this.#store.copy(this.position);
  }

  /** Tells whether all that was written since is zeros: the value that an implicit field has when it is absent. */
  isZeroSince(start: number): boolean {
    for (let at = start; at < this.position; at++) if (this.#store.bytes[at] !== 0) return false;
    return true;
  }

  raw(bytes: Uint8Array): void {
    const buffer = this.#store.reserve(this.position, bytes.length);
    buffer.set(bytes, this.position);
    this.position += bytes.length;
  }

  /** A whole number within 64 bits, signed or not, as varint; negative ones take ten bytes. */
  varint(value: number | bigint): void {
    if (typeof value === 'number' && value >= 0 && value < 2 ** 31) {
      const buffer = this.#store.reserve(this.position, 5);
      let rest = value;
      while (rest > 127) {
        buffer[this.position++] = (rest & 127) | 128;
        rest >>>= 7;
      }
      buffer[this.position++] = rest;
      return;
    }
    this.#split(value);
    this.#varint();
  }

  /** A signed whole number within 64 bits as zig-zag varint (sint32, sint64). */
  zigzag(value: number | bigint): void {
    this.#split(value);
    const sign = -(this.#high >>> 31);
    this.#high = (((this.#high << 1) | (this.#low >>> 31)) ^ sign) >>> 0;
    this.#low = ((this.#low << 1) ^ sign) >>> 0;
    this.#varint();
  }

  fixed32(value: number | bigint): void {
    this.#split(value);
    const buffer = this.#store.reserve(this.position, 4);
    this.position = buffer.writeUInt32LE(this.#low, this.position);
  }

  fixed64(value: number | bigint): void {
    this.#split(value);
    const buffer = this.#store.reserve(this.position, 8);
    buffer.writeUInt32LE(this.#low, this.position);
    this.position = buffer.writeUInt32LE(this.#high, this.position + 4);
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
    this.varint(value.length);
    this.raw(value);
  }

  /** False when the text holds a lone surrogate, which UTF-8 cannot carry. */
  string(value: string): boolean {
    const length = value.length;
    const start = this.open();
    const buffer = this.#store.reserve(this.position, length * 3);
    let at = 0;
    if (length <= shortTextMax) {
      for (; at < length; at++) {
        const code = value.charCodeAt(at);
        if (code > 127) break;
        buffer[start + at] = code;
      }
    }
    if (at < length) {
      at = buffer.write(value, start, 'utf8');
      if (at !== length && /\p{Surrogate}/u.test(value)) return false;
    }
    this.position = start + at;
    this.close(start);
    return true;
  }

  /** Begins what stands behind its length; gives the start of its contents for `close`. */
  open(): number {
    this.#store.reserve(this.position, 1);
    return ++this.position;
  }

  /** Puts the length before the contents, which move when it takes more than a byte. */
  close(start: number): void {
    const length = this.position - start;
    if (length > 127) {
      const lengthBytes = varintBytes(length);
      const buffer = this.#store.reserve(this.position, lengthBytes);
      buffer.copyWithin(start - 1 + lengthBytes, start, this.position);
      this.position = start - 1;
      this.varint(length);
      this.position += length;
    } else {
      this.#store.bytes[start - 1] = length;
    }
  }

  /** Two's complement of 64 bits. */
  #split(value: number | bigint): void {
    if (typeof value === 'bigint') {
      this.#low = Number(BigInt.asUintN(32, value));
      this.#high = Number(BigInt.asUintN(32, value >> 32n));
    } else {
      this.#low = value >>> 0;
      this.#high = Math.floor(value / 2 ** 32) >>> 0;
    }
  }

  #varint(): void {
    const buffer = this.#store.reserve(this.position, 10);
    let low = this.#low;
    let high = this.#high;
    while (high > 0 || low > 127) {
      buffer[this.position++] = (low & 127) | 128;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    buffer[this.position++] = low;
  }
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}
