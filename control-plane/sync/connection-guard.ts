import type { Socket } from 'node:net';

/** Bounds of the connections of the cluster port. */
export interface ConnectionLimits {
  /** Connections at a time, whatever their state; at most the file descriptors less 256. */
  readonly connectionsMax: number;
  /** Time from the connection to the welcome of its first node, and from the end of its last stream to the close. */
  readonly handshakeMs: number;
}

export const defaultConnectionLimits: ConnectionLimits = { connectionsMax: 10_000, handshakeMs: 10_000 };

export interface ConnectionGuardOptions {
  readonly limits: ConnectionLimits;
  /** Is told of each connection that a limit closed. */
  readonly onLimit: (limit: 'connections_max' | 'handshake_timeout', fields: { readonly ip: string }) => void;
}

interface Guarded {
  readonly socket: Socket;
  streams: number;
  timer: NodeJS.Timeout;
}

/**
 * Bounds how many peers are connected, and how long a connection may stay without a welcomed node. Connections are named
 * by `peerOf`, because the socket under TLS is another object than the one that gRPC sees.
 */
export class ConnectionGuard {
  readonly #options: ConnectionGuardOptions;
  readonly #connections = new Map<string, Guarded>();
  /** The peers of which a log line or a stream exists already. */
  readonly #judged = new Set<string>();

  constructor(options: ConnectionGuardOptions) {
    this.#options = options;
  }

  /** Takes a new connection, or destroys it at once when there are too many. Returns whether it was taken. */
  add(socket: Socket, onClose: (wasJudged: boolean) => void = () => undefined): boolean {
    const { limits, onLimit } = this.#options;
    const peer = peerOf(socket);
    if (this.#connections.size >= limits.connectionsMax) {
      socket.destroy();
      onLimit('connections_max', { ip: socket.remoteAddress ?? '' });
      return false;
    }
    const guarded = { socket, streams: 0, timer: this.#deadline(socket, peer) };
    this.#connections.set(peer, guarded);
    socket.once('close', () => {
      clearTimeout(guarded.timer);
      this.#connections.delete(peer);
      onClose(this.#judged.delete(peer));
    });
    return true;
  }

  /** Notes that it is known how this connection ends or goes on. */
  judge(peer: string): void {
    if (this.#connections.has(peer)) this.#judged.add(peer);
  }

  /** A node was welcomed on the connection: it may stay. Returns the function that notes the end of the node's stream. */
  welcomed(peer: string): () => void {
    const guarded = this.#connections.get(peer);
    if (guarded === undefined) return () => undefined;
    guarded.streams += 1;
    clearTimeout(guarded.timer);
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      guarded.streams -= 1;
      if (guarded.streams === 0 && this.#connections.get(peer) === guarded)
        guarded.timer = this.#deadline(guarded.socket, peer);
    };
  }

  /** Cuts every connection. */
  destroy(): void {
    for (const { socket } of this.#connections.values()) socket.destroy();
  }

  #deadline(socket: Socket, peer: string): NodeJS.Timeout {
    const { limits, onLimit } = this.#options;
    return setTimeout(() => {
      this.judge(peer);
      onLimit('handshake_timeout', { ip: socket.remoteAddress ?? '' });
      socket.destroy();
    }, limits.handshakeMs);
  }
}

/** Names a connection as gRPC does: `127.0.0.1:1234`. */
export function peerOf(socket: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${socket.remoteAddress ?? ''}:${socket.remotePort ?? ''}`;
}
