import type { IncomingMessage } from 'node:http';
import { RequestError } from '../../shared/errors.ts';

const emptyBody = Buffer.alloc(0);

export interface BodyOptions {
  readonly request: IncomingMessage;
  /** Content-Length; null: chunked. */
  readonly declaredBytes: number | null;
  readonly bytesMax: number;
  /** Called when the last byte is here: the connection may be kept. */
  readonly onComplete: () => void;
}

/**
 * Reads a body whole. A body that arrives in one piece is handed on without a copy, a longer one of declared length is
 * gathered in one buffer of that size, a chunked one is joined once.
 * @throws RequestError BODY_TOO_LARGE (before reading when the length is declared), BODY_INVALID when the client broke off.
 */
export function readHttpBody({ request, declaredBytes, bytesMax, onComplete }: BodyOptions): Promise<Buffer> {
  if (declaredBytes === 0) return Promise.resolve(emptyBody);
  if (declaredBytes !== null && declaredBytes > bytesMax) return Promise.reject(tooLarge(bytesMax));
  if (request.destroyed) return Promise.reject(brokenOff());
  return new Promise((resolve, reject) => {
    const parts = new BodyParts(declaredBytes);
    const onData = (chunk: Buffer) => {
      if (parts.bytes + chunk.length > bytesMax) {
        request.off('data', onData).off('end', onEnd).off('close', onClose).pause();
        reject(tooLarge(bytesMax));
        return;
      }
      parts.add(chunk);
      // With a declared length the last byte is known before the stream has ended, one turn of the event loop earlier.
      if (parts.bytes === declaredBytes) onEnd();
    };
    const onEnd = () => {
      request.off('close', onClose);
      onComplete();
      resolve(parts.join());
    };
    const onClose = () => reject(brokenOff());
    request.on('data', onData).on('close', onClose);
    if (declaredBytes === null) request.on('end', onEnd);
  });
}

/** The pieces of a body as they come in. */
class BodyParts {
  readonly #declaredBytes: number | null;
  #first: Buffer | undefined;
  #whole: Buffer | undefined;
  #chunks: Buffer[] | undefined;
  bytes = 0;

  constructor(declaredBytes: number | null) {
    this.#declaredBytes = declaredBytes;
  }

  add(chunk: Buffer): void {
    if (this.#first === undefined) this.#first = chunk;
    else if (this.#declaredBytes === null) (this.#chunks ??= [this.#first]).push(chunk);
    else this.#append(chunk, this.#declaredBytes, this.#first);
    this.bytes += chunk.length;
  }

  join(): Buffer {
    if (this.#whole !== undefined) return this.#whole;
    if (this.#chunks !== undefined) return Buffer.concat(this.#chunks, this.bytes);
    return this.#first ?? emptyBody;
  }

  #append(chunk: Buffer, declaredBytes: number, first: Buffer): void {
    if (this.#whole === undefined) {
      // Every byte is written before the buffer is handed on: the parser gives exactly as many as were declared.
      this.#whole = Buffer.allocUnsafe(declaredBytes);
      first.copy(this.#whole);
    }
    chunk.copy(this.#whole, this.bytes);
  }
}

function tooLarge(bytesMax: number): RequestError {
  return new RequestError(
    'BODY_TOO_LARGE',
    `The body is larger than the limit of ${bytesMax} bytes (request_body_max)`,
    {
      details: [{ limit: bytesMax, unit: 'bytes' }],
    },
  );
}

function brokenOff(): RequestError {
  return new RequestError('BODY_INVALID', 'The client broke off before the body was complete');
}
