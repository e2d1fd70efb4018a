const initialBytes = 16 * 1024;
/** A buffer that a large record made is not kept beyond this. */
const keptBytesMax = 1024 * 1024;
/** Strings up to this length, whose length takes one byte, are copied here: faster than the call into native code. */
const shortTextMax = 63;

/** Protobuf's wire format into one growing buffer, which is reused from record to record. */
export class ProtobufWriter {
  position = 0;
  #buffer = Buffer.allocUnsafeSlow(initialBytes);
  /** Halves of the 64-bit number being written. */
  #low = 0;
  #high = 0;

  reset(): void {
    this.position = 0;
    if (this.#buffer.length > keptBytesMax) this.#buffer = Buffer.allocUnsafeSlow(initialBytes);
  }

  /** A copy of what was written. */
  take(): Buffer {
    const bytes = Buffer.allocUnsafe(this.position);
    this.#buffer.copy(bytes, 0, 0, this.position);
    return bytes;
  }

  /** Whether all that was written since is zeros: the value that an implicit field has when it is absent. */
  isZeroSince(start: number): boolean {
    for (let at = start; at < this.position; at++) if (this.#buffer[at] !== 0) return false;
    return true;
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.position);
    this.position += bytes.length;
  }

  /** A whole number within 64 bits, signed or not, as varint; negative ones take ten bytes. */
  varint(value: number | bigint): void {
    if (typeof value === 'number' && value >= 0 && value < 2 ** 31) {
      this.#reserve(5);
      let rest = value;
      while (rest > 127) {
        this.#buffer[this.position++] = (rest & 127) | 128;
        rest >>>= 7;
      }
      this.#buffer[this.position++] = rest;
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
    this.#reserve(4);
    this.position = this.#buffer.writeUInt32LE(this.#low, this.position);
  }

  fixed64(value: number | bigint): void {
    this.#split(value);
    this.#reserve(8);
    this.#buffer.writeUInt32LE(this.#low, this.position);
    this.position = this.#buffer.writeUInt32LE(this.#high, this.position + 4);
  }

  float(value: number): void {
    this.#reserve(4);
    this.position = this.#buffer.writeFloatLE(value, this.position);
  }

  double(value: number): void {
    this.#reserve(8);
    this.position = this.#buffer.writeDoubleLE(value, this.position);
  }

  bytes(value: Uint8Array): void {
    this.varint(value.length);
    this.raw(value);
  }

  /** False when the text holds a lone surrogate, which UTF-8 cannot carry. */
  string(value: string): boolean {
    const length = value.length;
    const start = this.open();
    this.#reserve(length * 3);
    let at = 0;
    if (length <= shortTextMax) {
      for (; at < length; at++) {
        const code = value.charCodeAt(at);
        if (code > 127) break;
        this.#buffer[start + at] = code;
      }
    }
    if (at < length) {
      at = this.#buffer.write(value, start, 'utf8');
      if (at !== length && /\p{Surrogate}/u.test(value)) return false;
    }
    this.position = start + at;
    this.close(start);
    return true;
  }

  /** Begins what stands behind its length; gives the start of its contents for `close`. */
  open(): number {
    this.#reserve(1);
    return ++this.position;
  }

  /** Puts the length before the contents, which move when it takes more than a byte. */
  close(start: number): void {
    const length = this.position - start;
    if (length > 127) {
      const lengthBytes = varintBytes(length);
      this.#reserve(lengthBytes);
      this.#buffer.copyWithin(start - 1 + lengthBytes, start, this.position);
      this.position = start - 1;
      this.varint(length);
      this.position += length;
    } else {
      this.#buffer[start - 1] = length;
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
    this.#reserve(10);
    let low = this.#low;
    let high = this.#high;
    while (high > 0 || low > 127) {
      this.#buffer[this.position++] = (low & 127) | 128;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.#buffer[this.position++] = low;
  }

  #reserve(bytes: number): void {
    const needed = this.position + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.position);
    this.#buffer = larger;
  }
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}
