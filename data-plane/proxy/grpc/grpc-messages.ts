import { performance } from 'node:perf_hooks';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { RequestError } from '../../../shared/errors.ts';
import { bodiesFull, bodyBrokenOff } from '../body-errors.ts';
import type { RequestBodies } from '../request-bodies.ts';
import { PendingBytes } from './pending-bytes.ts';

/** One message of a call. */
export interface GrpcMessage {
  readonly bytes: Buffer;
  /** Monotonic milliseconds at which its last byte had come. */
  readonly receivedAtMs: number;
}

export interface MessagesOptions {
  /** The body of the call: as it arrives, or whole; null where it has none. */
  readonly body: Readable | Buffer | null;
  /** Header grpc-encoding; undefined: identity. */
  readonly encoding: string | undefined;
  /** Bound of one message, before and after it is decompressed. */
  readonly bytesMax: number;
  /** The account of the bytes that belong to no whole message yet. */
  readonly bodies: RequestBodies;
  /** Called when the node has no memory left for unfinished messages. */
  readonly onFull: () => void;
  /** Whether the client broke the call off: a stream that is reset may end like one that is complete. */
  readonly isBroken: () => boolean;
  /** Takes a message. False: no further one is wanted until `resume`. */
  readonly onMessage: (message: GrpcMessage) => boolean;
  /** Called once, behind the last message: with the reason where the client did not end the call in order. */
  readonly onEnd: (failure: RequestError | undefined) => void;
}

const prefixBytes = 5;
const decompressors = { gzip: promisify(gunzip), deflate: promisify(inflate) } as const;

/**
 * Reads the messages of a call, each as soon as it is complete, however it was split over frames. While no message is
 * wanted the stream is paused, so that the client's window closes. A call fails with BODY_TOO_LARGE, and with BODY_INVALID
 * for a broken prefix, a compressed message without an encoding, bytes that do not decompress, and an end within a message.
 */
export class MessageReader {
  readonly #options: MessagesOptions;
  readonly #stream: Readable | undefined;
  readonly #pending: PendingBytes;
  /** No message is wanted, or one is being decompressed, behind which the others wait. */
  #isHeld = false;
  #hasEnded = false;
  #isOver = false;
  #unfinishedSinceMs: number | undefined = performance.now();

  constructor(options: MessagesOptions) {
    this.#options = options;
    this.#pending = new PendingBytes(options.bodies);
    this.#stream = options.body instanceof Readable ? options.body : undefined;
  }

  start(): void {
    const { body } = this.#options;
    if (body instanceof Readable) {
      if (body.destroyed) this.#finish(bodyBrokenOff());
      else body.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose);
      return;
    }
    if (body !== null && body.length > 0) this.#pending.add(body);
    this.#hasEnded = true;
    this.#pump();
  }

  /** Goes on after a message for which `onMessage` returned false. */
  resume(): void {
    this.#isHeld = false;
    this.#pump();
  }

  /** Reads no more; `onEnd` is not called any more. */
  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stream?.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose).pause();
    this.#pending.drop();
  }

  /** Monotonic milliseconds since when the rest of a message, or the first one, is awaited; undefined between messages. */
  get unfinishedSinceMs(): number | undefined {
    return this.#isHeld || this.#isOver ? undefined : this.#unfinishedSinceMs;
  }

  readonly #onData = (chunk: Buffer): void => {
    if (!this.#pending.add(chunk)) {
      this.#options.onFull();
      this.#finish(bodiesFull());
    } else if (!this.#isHeld) this.#pump();
  };

  readonly #onEnd = (): void => {
    if (this.#options.isBroken()) return this.#finish(bodyBrokenOff());
    this.#hasEnded = true;
    if (!this.#isHeld) this.#pump();
  };

  readonly #onClose = (): void => {
    if (!this.#hasEnded) this.#finish(bodyBrokenOff());
  };

  /** Gives the messages that are complete while they are wanted. */
  #pump(): void {
    let hasTaken = false;
    while (!this.#isHeld && !this.#isOver) {
      const frame = this.#nextFrame();
      if (frame === undefined) break;
      hasTaken = true;
      const receivedAtMs = performance.now();
      if (frame.isCompressed) void this.#decompress(frame.bytes, receivedAtMs);
      else this.#give({ bytes: frame.bytes, receivedAtMs });
    }
    if (this.#isOver) return;
    if (this.#isHeld) {
      this.#stream?.pause();
      return;
    }
    const isBetween = this.#pending.length === 0;
    if (this.#hasEnded) {
      this.#finish(isBetween ? undefined : new RequestError('BODY_INVALID', 'The call ends within a message.'));
      return;
    }
    if (isBetween) {
      if (hasTaken) this.#unfinishedSinceMs = undefined;
    } else if (hasTaken || this.#unfinishedSinceMs === undefined) this.#unfinishedSinceMs = performance.now();
    if (this.#stream?.isPaused() === true) this.#stream.resume();
  }

  #give(message: GrpcMessage): void {
    if (!this.#options.onMessage(message)) this.#isHeld = true;
  }

  /** Decompresses a message; those behind it wait, so that the order is kept. */
  async #decompress(bytes: Buffer, receivedAtMs: number): Promise<void> {
    this.#isHeld = true;
    const result = await decompressed(bytes, this.#options);
    if (this.#isOver) return;
    if (result instanceof RequestError) return this.#finish(result);
    this.#isHeld = false;
    this.#give({ bytes: result, receivedAtMs });
    this.#pump();
  }

  #nextFrame(): Frame | undefined {
    const frame = nextFrame(this.#pending, this.#options.bytesMax);
    if (!(frame instanceof RequestError)) return frame;
    this.#finish(frame);
    return undefined;
  }

  #finish(failure: RequestError | undefined): void {
    if (this.#isOver) return;
    this.stop();
    this.#options.onEnd(failure);
  }
}

interface Frame {
  readonly isCompressed: boolean;
  readonly bytes: Buffer;
}

/** Takes a whole frame; undefined while bytes of it are missing. */
function nextFrame(pending: PendingBytes, bytesMax: number): Frame | RequestError | undefined {
  if (pending.length < prefixBytes) return undefined;
  const prefix = pending.peek(prefixBytes);
  const flag = prefix.readUInt8(0);
  const length = prefix.readUInt32BE(1);
  if (flag > 1) {
    return new RequestError('BODY_INVALID', `A message begins with the flag ${flag}, which gRPC does not know.`);
  }
  if (length > bytesMax) return tooLarge(bytesMax);
  if (pending.length < prefixBytes + length) {
    pending.expect(prefixBytes + length);
    return undefined;
  }
  pending.take(prefixBytes);
  return { isCompressed: flag === 1, bytes: pending.take(length) };
}

async function decompressed(bytes: Buffer, { encoding, bytesMax }: MessagesOptions): Promise<Buffer | RequestError> {
  const decompress = encoding === 'gzip' || encoding === 'deflate' ? decompressors[encoding] : undefined;
  if (decompress === undefined) {
    return new RequestError('BODY_INVALID', 'A message is compressed, but the call names no encoding.');
  }
  try {
    return await decompress(bytes, { maxOutputLength: bytesMax });
  } catch (error) {
    if (error instanceof RangeError) return tooLarge(bytesMax);
    return new RequestError('BODY_INVALID', `A message is not ${encoding}.`, { cause: error });
  }
}

function tooLarge(bytesMax: number): RequestError {
  return new RequestError('BODY_TOO_LARGE', 'A message is larger than request_body_max.', {
    details: [{ limit: bytesMax, unit: 'bytes' }],
  });
}
