import { Readable } from 'node:stream';
import { plainError } from './admin-error.ts';

/** Clients that may follow events at once. */
const clientsMax = 64;
/** Bytes that may wait for a client that reads slowly. Beyond it the stream ends, and the client may come again. */
const bufferedBytesMax = 1024 * 1024;
/** Comments show proxies and clients that a quiet stream is alive. */
const keepAliveMs = 15_000;
/** The time after which a client connects again. */
const retryMs = 2_000;

/** Server-sent events to any number of clients, up to a limit. */
export class EventStreams {
  readonly #streams = new Set<Readable>();
  #keepAlive: NodeJS.Timeout | undefined;

  /** Opens a new client's stream, which begins with these events. Throws AdminError when there are too many. */
  open(first: readonly { readonly event: string; readonly data: unknown }[]): Readable {
    if (this.#streams.size >= clientsMax) throw plainError(503, 'Too many clients follow the events');
    const stream = new Readable({ read: () => undefined });
    stream.push(`retry: ${retryMs}\n\n${first.map(({ event, data }) => textOf(event, data)).join('')}`);
    stream.once('close', () => {
      this.#streams.delete(stream);
      if (this.#streams.size === 0) clearInterval(this.#keepAlive);
    });
    if (this.#streams.size === 0) this.#keepAlive = setInterval(() => this.#write(':\n\n'), keepAliveMs);
    this.#streams.add(stream);
    return stream;
  }

  send(event: string, data: unknown): void {
    if (this.#streams.size > 0) this.#write(textOf(event, data));
  }

  /** Ends all streams. */
  stop(): void {
    for (const stream of this.#streams) stream.push(null);
    clearInterval(this.#keepAlive);
  }

  #write(text: string): void {
    for (const stream of this.#streams) {
      stream.push(text);
      if (stream.readableLength > bufferedBytesMax) stream.destroy();
    }
  }
}

function textOf(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
