import type { RequestBodies } from '../request-bodies.ts';

/** The size of the first buffer of messages that come in small pieces. */
const growthBytesMin = 4 * 1024;
const nothing = Buffer.alloc(0);

/**
 * Bytes that came and belong to no whole message yet, in one buffer that doubles up to the size of the message: a client
 * that sends one byte a frame costs no object a byte. What was taken is never written again.
 */
export class PendingBytes {
  readonly #bodies: RequestBodies;
  #buffer: Buffer = nothing;
  #start = 0;
  #end = 0;
  /** The part of `bodies` that the buffer has taken; 0: the buffer is the chunk that came, with bytes of others behind it. */
  #taken = 0;
  #expected = 0;

  constructor(bodies: RequestBodies) {
    this.#bodies = bodies;
  }

  get length(): number {
    return this.#end - this.#start;
  }

  /** Adds what came and returns whether there was memory for it. */
  add(chunk: Buffer): boolean {
    if (this.length === 0) {
      // Most often a chunk holds whole messages: it is used as it is.
      this.drop();
      this.#buffer = chunk;
      this.#end = chunk.length;
      return true;
    }
    const isRoom = this.#taken > 0 && this.#end + chunk.length <= this.#buffer.length;
    if (!isRoom && !this.#grow(chunk.length)) return false;
    chunk.copy(this.#buffer, this.#end);
    this.#end += chunk.length;
    return true;
  }

  /** Says how many bytes the next message has in all. */
  expect(bytes: number): void {
    this.#expected = bytes;
  }

  /** Returns the first bytes, of which there are enough, and keeps them. */
  peek(count: number): Buffer {
    return this.#buffer.subarray(this.#start, this.#start + count);
  }

  take(count: number): Buffer {
    const taken = this.peek(count);
    this.#start += count;
    if (this.length === 0) this.drop();
    return taken;
  }

  /** Forgets what is there and gives its memory back. May be called more than once. */
  drop(): void {
    this.#bodies.give(this.#taken);
    this.#taken = 0;
    this.#buffer = nothing;
    this.#start = 0;
    this.#end = 0;
  }

  #grow(more: number): boolean {
    const { length } = this;
    const needed = length + more;
    const capacity = Math.min(Math.max(growthBytesMin, 2 * needed), Math.max(this.#expected, needed));
    // A new buffer each time, since what was taken from the old one is in use.
    if (!this.#bodies.take(capacity)) return false;
    const grown = Buffer.allocUnsafeSlow(capacity);
    this.#buffer.copy(grown, 0, this.#start, this.#end);
    this.drop();
    this.#buffer = grown;
    this.#end = length;
    this.#taken = capacity;
    return true;
  }
}
