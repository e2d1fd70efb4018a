import type { Socket } from 'node:net';

/** Looks whether a client takes what is written to it. */
export class SendWatch {
  readonly #socket: Socket;
  #waiting = 0;
  #sinceMs = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Returns for how long the client has taken nothing of what waits for it; 0 when nothing waits. */
  stalledMs(nowMs: number): number {
    const waiting = this.#socket.writableLength === 0 ? 0 : waitingBytes(this.#socket);
    if (waiting !== this.#waiting) {
      this.#waiting = waiting;
      this.#sinceMs = nowMs;
    }
    return waiting === 0 ? 0 : nowMs - this.#sinceMs;
  }
}

/** The stream counts a write until all of it is taken; the handle knows how much of a large one is left. */
function waitingBytes(socket: Socket): number {
  // There is no public name for the handle; node:net looks there for its own time-out.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const handle = (socket as { _handle?: { writeQueueSize?: number } | null })._handle;
  return socket.writableLength + (handle?.writeQueueSize ?? 0);
}
