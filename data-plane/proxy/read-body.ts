import type { Readable } from 'node:stream';
import { BodyBuffer } from './body-buffer.ts';
import { bodiesFull, bodyBrokenOff, bodyTooLarge } from './body-errors.ts';
import type { RequestBodies } from './request-bodies.ts';

const emptyBody = Buffer.alloc(0);

export interface BodyOptions {
  /** The body of a request, whatever its protocol. */
  readonly stream: Readable;
  /** Content-Length; null: not declared. */
  readonly declaredBytes: number | null;
  readonly bytesMax: number;
  readonly bodies: RequestBodies;
  /** Whether the client broke off: an HTTP/2 stream that was reset without an error ends as a complete one does. */
  readonly isBroken?: () => boolean;
  /** Called when the last byte is here: the connection may be kept. */
  readonly onComplete: () => void;
  /** Called when the node has no memory left for unfinished bodies. */
  readonly onFull: () => void;
}

/**
 * Reads a body whole.
 * @throws RequestError BODY_TOO_LARGE (before reading when the length is declared), BODY_INVALID when the client broke off,
 * PRODUCER_OVERLOADED when the node holds too many unfinished bodies.
 */
export function readBody(options: BodyOptions): Promise<Buffer> {
  const { stream, declaredBytes, bytesMax } = options;
  if (declaredBytes === 0) return Promise.resolve(emptyBody);
  if (declaredBytes !== null && declaredBytes > bytesMax) return Promise.reject(bodyTooLarge(bytesMax));
  if (stream.destroyed) return Promise.reject(bodyBrokenOff());
  return new Promise((resolve, reject) => {
    const buffer = new BodyBuffer(options);
    const stop = () => {
      stream.off('data', onData).off('end', onEnd).off('close', onClose).pause();
      buffer.drop();
    };
    const onData = (chunk: Buffer) => {
      if (buffer.bytes + chunk.length > bytesMax) {
        stop();
        reject(bodyTooLarge(bytesMax));
      } else if (!buffer.add(chunk)) {
        stop();
        options.onFull();
        reject(bodiesFull());
      } else if (buffer.bytes === declaredBytes) {
        // With a declared length the last byte is known before the stream has ended, one turn of the event loop earlier.
        onEnd();
      }
    };
    const onEnd = () => {
      if (options.isBroken?.() === true) return onClose();
      stream.off('close', onClose);
      options.onComplete();
      resolve(buffer.finish());
    };
    const onClose = () => {
      buffer.drop();
      reject(bodyBrokenOff());
    };
    stream.on('data', onData).on('close', onClose);
    if (declaredBytes === null) stream.on('end', onEnd);
  });
}
