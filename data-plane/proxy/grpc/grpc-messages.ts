import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { RequestError } from '../../../shared/errors.ts';

/** One message of a call. */
export interface GrpcMessage {
  readonly bytes: Buffer;
  /** Monotonic milliseconds at which its last byte had come. */
  readonly receivedAtMs: number;
}

export interface MessagesOptions {
  readonly stream: Readable;
  /** Header grpc-encoding; undefined: identity. */
  readonly encoding: string | undefined;
  /** Bound of one message, before and after it is decompressed. */
  readonly bytesMax: number;
}

const prefixBytes = 5;
const decompressors = { gzip: promisify(gunzip), deflate: promisify(inflate) } as const;

/**
 * Reads the messages of a call, each as soon as it is complete, however it was split over frames. What is not asked for is
 * not read, so that the client's window closes.
 *
 * @throws RequestError BODY_TOO_LARGE, BODY_INVALID for a broken prefix, a compressed message without an encoding, bytes that
 * do not decompress, or a call that ends within a message
 */
export async function* grpcMessages(options: MessagesOptions): AsyncGenerator<GrpcMessage> {
  const { stream, bytesMax } = options;
  const pending = new Pending();
  // The answer is still to be sent over it when reading stops early.
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    if (!Buffer.isBuffer(chunk)) throw new Error('the stream is in no binary mode');
    pending.add(chunk);
    for (let frame = nextFrame(pending, bytesMax); frame !== undefined; frame = nextFrame(pending, bytesMax)) {
      const receivedAtMs = performance.now();
      yield { bytes: frame.isCompressed ? await decompressed(frame.bytes, options) : frame.bytes, receivedAtMs };
    }
  }
  if (pending.length > 0) throw new RequestError('BODY_INVALID', 'The call ends within a message.');
}

interface Frame {
  readonly isCompressed: boolean;
  readonly bytes: Buffer;
}

/** Takes a whole frame; undefined while bytes of it are missing. */
function nextFrame(pending: Pending, bytesMax: number): Frame | undefined {
  if (pending.length < prefixBytes) return undefined;
  const prefix = pending.peek(prefixBytes);
  const flag = prefix.readUInt8(0);
  const length = prefix.readUInt32BE(1);
  if (flag > 1)
    throw new RequestError('BODY_INVALID', `A message begins with the flag ${flag}, which gRPC does not know.`);
  if (length > bytesMax) throw tooLarge(bytesMax);
  if (pending.length < prefixBytes + length) return undefined;
  pending.take(prefixBytes);
  return { isCompressed: flag === 1, bytes: pending.take(length) };
}

async function decompressed(bytes: Buffer, { encoding, bytesMax }: MessagesOptions): Promise<Buffer> {
  const decompress = encoding === 'gzip' || encoding === 'deflate' ? decompressors[encoding] : undefined;
  if (decompress === undefined)
    throw new RequestError('BODY_INVALID', 'A message is compressed, but the call names no encoding.');
  try {
    return await decompress(bytes, { maxOutputLength: bytesMax });
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(bytesMax);
    throw new RequestError('BODY_INVALID', `A message is not ${encoding}.`, { cause: error });
  }
}

function tooLarge(bytesMax: number): RequestError {
  return new RequestError('BODY_TOO_LARGE', 'A message is larger than request_body_max.', {
    details: [{ limit: bytesMax, unit: 'bytes' }],
  });
}

/** The size of the first buffer of messages that come in small pieces. */
const growthBytesMin = 4 * 1024;

/**
 * Bytes that came and belong to no message yet, in one buffer that doubles: a client that sends one byte a frame costs no
 * object a byte. What was taken is never written again.
 */
class Pending {
  #buffer: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  add(chunk: Buffer): void {
    if (this.length === 0) {
      // Most often a chunk holds whole messages: it is used as it is.
      this.#buffer = chunk;
      this.#isOwn = false;
      this.#start = 0;
      this.#end = chunk.length;
      return;
    }
    if (this.#end + chunk.length > this.#buffer.length || !this.#isOwn) this.#grow(chunk.length);
    chunk.copy(this.#buffer, this.#end);
    this.#end += chunk.length;
  }

  /** Returns the first bytes, of which there are enough, and keeps them. */
  peek(count: number): Buffer {
    return this.#buffer.subarray(this.#start, this.#start + count);
  }

  take(count: number): Buffer {
    const taken = this.peek(count);
    this.#start += count;
    return taken;
  }

  /** The buffer was made here, so that there is nothing of others behind its end. */
  #isOwn = false;

  #grow(more: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(growthBytesMin, 2 * (this.length + more)));
    this.#buffer.copy(grown, 0, this.#start, this.#end);
    this.#end = this.length;
    this.#start = 0;
    this.#buffer = grown;
    this.#isOwn = true;
  }
}
