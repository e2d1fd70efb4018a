import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { endGently } from './end-gently.ts';

export interface ConnectionBounds {
  /** Requests of a connection that are served at once; beyond it reading pauses. */
  readonly pipelinedMax: number;
  /** How long a connection that was half-closed may wait for its client to close. */
  readonly lingerMs: number;
}

interface Waiting {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * One connection of a port: which requests are in flight, which wait for them, and how it ends. It ends in steps (RFC
 * 9112, section 9.6): the last answer says `Connection: close`, the connection is half-closed, and what still comes is
 * read and dropped for a moment, since a reset could overtake the answer.
 */
export class HttpPortConnection {
  readonly socket: Socket;
  readonly #bounds: ConnectionBounds;
  readonly #handler: RequestListener;
  readonly #waiting: Waiting[] = [];
  readonly #answering = new Set<ServerResponse>();
  /** Bytes read when no request was in flight; more are the beginning of the next one. */
  #bytesAtRest: number;
  #isDraining = false;

  constructor(socket: Socket, bounds: ConnectionBounds, handler: RequestListener) {
    this.socket = socket;
    this.#bounds = bounds;
    this.#handler = handler;
    this.#bytesAtRest = socket.bytesRead;
    // node:http ends a connection behind its last answer so, which would reset it while unread bytes are left.
    socket.destroySoon = () => this.end();
    // node:http resumes the socket for each body that is read.
    socket.on('resume', () => {
      if (this.#waiting.length > 0) socket.pause();
    });
  }

  /** Whether a request is in flight, or has begun to come. */
  get isBusy(): boolean {
    return this.#answering.size > 0 || this.socket.bytesRead !== this.#bytesAtRest;
  }

  /** Whether a request is in flight. */
  get isAnswering(): boolean {
    return this.#answering.size > 0;
  }

  /** Serves a request, or lets it wait behind too many in flight. Returns whether it waits. */
  take(request: IncomingMessage, response: ServerResponse): boolean {
    if (this.#answering.size < this.#bounds.pipelinedMax) {
      this.#begin({ request, response });
      return false;
    }
    this.#waiting.push({ request, response });
    this.socket.pause();
    return true;
  }

  /** Lets the answer to the newest request say that it is the last. */
  drain(): void {
    this.#isDraining = true;
    const newest = [...this.#answering].at(-1);
    if (newest !== undefined && this.#waiting.length === 0 && !newest.headersSent) newest.shouldKeepAlive = false;
  }

  /** Writes the last bytes, half-closes, and cuts the connection unless the client closes it in time. */
  end(lastWords?: string): void {
    endGently(this.socket, lastWords, this.#bounds.lingerMs);
  }

  #begin({ request, response }: Waiting): void {
    this.#answering.add(response);
    // node:http drops what stands behind a request with this header in the same segment: the client must send it again.
    const isLast = this.#isDraining || request.headers.upgrade !== undefined;
    if (isLast) response.shouldKeepAlive = false;
    response.once('close', () => this.#answered(response));
    this.#handler(request, response);
  }

  #answered(response: ServerResponse): void {
    this.#answering.delete(response);
    if (this.#answering.size === 0) this.#bytesAtRest = this.socket.bytesRead;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    if (this.#waiting.length === 0) this.socket.resume();
    this.#begin(next);
  }
}
