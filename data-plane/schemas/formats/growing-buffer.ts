import { RequestError } from '../../../shared/errors.ts';

const initialBytes = 16 * 1024;
/** A buffer that a large record made is not kept beyond this size. */
const keptBytesMax = 1024 * 1024;
/** A record's largest size: defaults can make much of a short body, and no broker takes as much. */
export const encodedBytesMax = 64 * 1024 * 1024;

/** A buffer that grows as it is written to and is reused from record to record; the writer holds the position. */
export class GrowingBuffer {
  /** The bytes, valid until the next call of `reserve`. */
  bytes = Buffer.allocUnsafeSlow(initialBytes);

  /** Drops a buffer that a large record made. */
  reset(): void {
    if (this.bytes.length > keptBytesMax) this.bytes = Buffer.allocUnsafeSlow(initialBytes);
  }

  /** Makes room for so many bytes behind the position, and returns the buffer. */
  reserve(position: number, count: number): Buffer {
    return position + count <= this.bytes.length ? this.bytes : this.#grow(position + count);
  }

  /** Returns a copy of the first `length` bytes. */
  copy(length: number): Buffer {
    const taken = Buffer.allocUnsafe(length);
    this.bytes.copy(taken, 0, 0, length);
    return taken;
  }

  /** Copies all bytes: a writer that goes back to put a length before its contents has some behind its position. */
  #grow(needed: number): Buffer {
    if (needed > encodedBytesMax) {
      const details = [{ limit: encodedBytesMax, unit: 'bytes' }];
      throw new RequestError('RECORD_TOO_LARGE', 'The encoded record is too large.', { details });
    }
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(larger);
    this.bytes = larger;
    return larger;
  }
}
