import type { RequestBodies } from './request-bodies.ts';

const emptyBody = Buffer.alloc(0);
const capacityBytesMin = 4096;
/** A finished body is copied when its buffer is larger than this many times its bytes: queues count bytes, not buffers. */
const wastedFactorMax = 1.25;

export interface BodyBufferOptions {
  /** The length that the client declared; null when it did not. */
  readonly declaredBytes: number | null;
  readonly bytesMax: number;
  readonly bodies: RequestBodies;
}

/**
 * Gathers the pieces of a body in one buffer that doubles as it fills: memory and time follow the bytes, not the number of
 * pieces. A body that arrives in one piece of its declared length is handed on without a copy.
 */
export class BodyBuffer {
  readonly #options: BodyBufferOptions;
  #buffer: Buffer = emptyBody;
  /** The part of `bodies` that this body has taken. */
  #taken = 0;
  bytes = 0;

  constructor(options: BodyBufferOptions) {
    this.#options = options;
  }

  /** Adds a piece and returns whether there was memory for it. */
  add(piece: Buffer): boolean {
    if (this.bytes === 0 && piece.length === this.#options.declaredBytes) {
      this.#buffer = piece;
      this.bytes = piece.length;
      return true;
    }
    const needed = this.bytes + piece.length;
    if (needed > this.#buffer.length && !this.#grow(needed)) return false;
    piece.copy(this.#buffer, this.bytes);
    this.bytes = needed;
    return true;
  }

  /** Returns the whole body and gives the memory back to the account. */
  finish(): Buffer {
    const { length } = this.#buffer;
    const whole = length === this.bytes ? this.#buffer : this.#buffer.subarray(0, this.bytes);
    this.drop();
    return length > this.bytes * wastedFactorMax ? Buffer.from(whole) : whole;
  }

  /** Gives the memory back. May be called more than once. */
  drop(): void {
    this.#options.bodies.give(this.#taken);
    this.#taken = 0;
    this.#buffer = emptyBody;
  }

  #grow(needed: number): boolean {
    const { declaredBytes, bytesMax, bodies } = this.#options;
    const most = declaredBytes ?? bytesMax;
    const capacity = Math.min(Math.max(needed * 2, capacityBytesMin), Math.max(most, needed));
    if (!bodies.take(capacity - this.#taken)) return false;
    this.#taken = capacity;
    const larger = Buffer.allocUnsafe(capacity);
    this.#buffer.copy(larger, 0, 0, this.bytes);
    this.#buffer = larger;
    return true;
  }
}
