import { Readable } from 'node:stream';
import type { Writable } from 'node:stream';

/** The beginning of a body that is kept, so that a call which its endpoint did not take can be sent again. */
const keptBytesMax = 64 * 1024;

/**
 * The body of a gRPC call on its way to one endpoint after the other. Its first 64 KiB are kept until an endpoint answers:
 * a server that closes its connection (GOAWAY) names the calls that it did not take, and those are sent elsewhere.
 */
export class ReplayBody {
  readonly #source: Readable | null;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  /** All that was read of the body is kept. */
  #isWhole = true;
  #isEnded = false;
  #isKeeping = true;

  constructor(body: Readable | Buffer | null) {
    this.#source = body instanceof Readable ? body : null;
    if (Buffer.isBuffer(body)) this.#kept.push(body);
    if (this.#source === null) this.#isEnded = true;
  }

  get isEmpty(): boolean {
    return this.#source === null && this.#kept.length === 0;
  }

  /** Whether it can be sent from its beginning. */
  get canRestart(): boolean {
    return this.#isWhole && this.#isKeeping;
  }

  /** An endpoint answers: the body is not sent again. */
  settle(): void {
    this.#isKeeping = false;
    this.#kept = [];
  }

  /** Sends the body with back-pressure. Returns what stops it. */
  sendTo(target: Writable): () => void {
    for (const chunk of this.#kept) target.write(chunk);
    if (this.#isEnded) {
      target.end();
      return () => undefined;
    }
    const source = this.#source;
    if (source === null) return () => undefined;
    const onData = (chunk: Buffer): void => {
      this.#keep(chunk);
      if (!target.write(chunk)) source.pause();
    };
    const onDrain = (): void => void source.resume();
    const onEnd = (): void => {
      this.#isEnded = true;
      target.end();
    };
    source.on('data', onData).once('end', onEnd);
    target.on('drain', onDrain);
    if (!target.writableNeedDrain) source.resume();
    return () => {
      source.off('data', onData).off('end', onEnd).pause();
      target.off('drain', onDrain);
    };
  }

  #keep(chunk: Buffer): void {
    if (!this.#isKeeping || !this.#isWhole) return;
    this.#keptBytes += chunk.length;
    if (this.#keptBytes > keptBytesMax) {
      this.#isWhole = false;
      this.#kept = [];
    } else this.#kept.push(chunk);
  }
}
