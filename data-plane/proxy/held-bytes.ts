import type { Socket } from 'node:net';

/** Bytes that are held for a connection that nobody reads; beyond it the client has to wait. */
const heldBytesMax = 64 * 1024;

/**
 * Holds what a client sends while nobody reads its connection: node:http has let go of it, and the answer to a request is
 * still to come.
 */
export class HeldBytes {
  readonly #socket: Socket;
  #chunks: Buffer[];
  #bytes: number;
  #onEnd: (() => void) | undefined = undefined;

  /** @param head The bytes that were read already. */
  constructor(socket: Socket, head: Buffer) {
    this.#socket = socket;
    this.#chunks = [head];
    this.#bytes = head.length;
    socket.on('readable', this.#read);
    // Nothing comes before somebody asks for it.
    socket.read(0);
  }

  /** Calls back when the client ends its side. */
  whenEnded(onEnd: () => void): void {
    this.#onEnd = onEnd;
    this.#socket.once('end', onEnd);
    this.#read();
  }

  /** Gives the bytes back to the socket, `before` in front of them. Whoever reads it next gets them first. */
  release(before: Buffer = Buffer.alloc(0)): void {
    this.#socket.off('readable', this.#read);
    if (this.#onEnd !== undefined) this.#socket.off('end', this.#onEnd);
    const held = Buffer.concat([before, ...this.#chunks]);
    this.#chunks = [];
    if (held.length > 0) this.#socket.unshift(held);
  }

  readonly #read = (): void => {
    if (this.#bytes >= heldBytesMax) return;
    // Reading where nothing is left makes the socket tell of its end, which nobody could be told a second time.
    if (this.#socket.readableLength === 0 && this.#onEnd === undefined) return;
    const chunk: unknown = this.#socket.read();
    if (!Buffer.isBuffer(chunk)) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  };
}
