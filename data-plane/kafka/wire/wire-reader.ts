/**
 * Reads what brokers answer, front to back. Compact forms are those of flexible versions (KIP-482): lengths are unsigned
 * varints, one more than they mean. Every read past the end throws a RangeError.
 */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int8(): number {
    return this.#bytes.readInt8(this.#skip(1));
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#skip(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#skip(4));
  }

  int64(): bigint {
    return this.#bytes.readBigInt64BE(this.#skip(8));
  }

  /** 32 hex digits. */
  uuid(): string {
    return this.#take(16).toString('hex');
  }

  /** With a length of 16 bits; null reads as ''. */
  string(): string {
    return this.#take(Math.max(0, this.int16())).toString();
  }

  /** Null reads as ''. */
  compactString(): string {
    return this.#take(Math.max(0, this.#varint() - 1)).toString();
  }

  /** With a length of 32 bits; null reads as []. */
  array<T>(read: () => T): T[] {
    return this.#repeat(this.int32(), read);
  }

  /** Null reads as []. */
  compactArray<T>(read: () => T): T[] {
    return this.#repeat(this.#varint() - 1, read);
  }

  skip(bytes: number): void {
    this.#take(bytes);
  }

  /** Tagged fields: nobody here knows any. */
  skipTags(): void {
    for (let count = this.#varint(); count > 0; count--) {
      this.#varint();
      this.skip(this.#varint());
    }
  }

  #repeat<T>(count: number, read: () => T): T[] {
    const all: T[] = [];
    for (let index = 0; index < count; index++) all.push(read());
    return all;
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#skip(1));
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  #take(bytes: number): Buffer {
    if (bytes > this.#bytes.length - this.#at) throw new RangeError('the answer is cut short');
    return this.#bytes.subarray(this.#at, this.#skip(bytes) + bytes);
  }

  #skip(bytes: number): number {
    const at = this.#at;
    this.#at += bytes;
    return at;
  }
}

/** Bytes of a number ≥ 0 as an unsigned varint. */
export function unsignedVarintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

/** Writes a number ≥ 0 as an unsigned varint; returns the position after it. */
export function writeUnsignedVarint(buffer: Buffer, at: number, value: number): number {
  let rest = value;
  while (rest >= 0x80) {
    buffer[at++] = (rest & 0x7f) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  buffer[at++] = rest;
  return at;
}
