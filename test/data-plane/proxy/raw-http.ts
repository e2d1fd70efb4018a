import { connect, type Socket } from 'node:net';
import { waitFor } from '../../helpers/wait-for.ts';

/** A client that writes bytes as it is told and keeps what comes back. */
export class RawClient {
  readonly socket: Socket;
  /** All that came, as latin1. */
  received = '';
  ended = false;
  closed = false;
  error: Error | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => (this.received += chunk.toString('latin1')));
    socket.on('end', () => (this.ended = true));
    socket.on('close', () => (this.closed = true));
    socket.on('error', (error) => (this.error = error));
  }

  static async open(port: number, host = '127.0.0.1'): Promise<RawClient> {
    const socket = connect({ port, host, allowHalfOpen: true });
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return client;
  }

  send(text: string | Buffer): this {
    if (!this.socket.destroyed) this.socket.write(text);
    return this;
  }

  /** Answers so far, by their status lines. */
  get statuses(): number[] {
    return [...this.received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  }

  /** Waits for this many answers (100 Continue counts). */
  async answers(count: number, timeoutMs = 5_000): Promise<number[]> {
    await waitFor(() => this.statuses.length >= count, {
      what: `${count} answers (came: ${this.received})`,
      timeoutMs,
      pollMs: 5,
    });
    return this.statuses;
  }

  /** Waits until the server has closed its side; the statuses that came. */
  async end(timeoutMs = 5_000): Promise<number[]> {
    await waitFor(() => this.ended || this.closed, { what: 'end of the connection', timeoutMs, pollMs: 5 });
    return this.statuses;
  }

  destroy(): void {
    this.socket.destroy();
  }
}
