import type { IncomingMessage } from 'node:http';
import { BodyBuffer } from './body-buffer.ts';
import { bodiesFull, bodyBrokenOff, bodyTooLarge } from './body-errors.ts';
import type { RequestBodies } from './request-bodies.ts';

const emptyBody = Buffer.alloc(0);

export interface BodyOptions {
  readonly request: IncomingMessage;
  /** Content-Length; null: chunked. */
  readonly declaredBytes: number | null;
  readonly bytesMax: number;
  readonly bodies: RequestBodies;
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
export function readHttp1Body(options: BodyOptions): Promise<Buffer> {
  const { request, declaredBytes, bytesMax } = options;
  if (declaredBytes === 0) return Promise.resolve(emptyBody);
  if (declaredBytes !== null && declaredBytes > bytesMax) return Promise.reject(bodyTooLarge(bytesMax));
  if (request.destroyed) return Promise.reject(bodyBrokenOff());
  return new Promise((resolve, reject) => {
    const buffer = new BodyBuffer(options);
    const stop = () => {
      request.off('data', onData).off('end', onEnd).off('close', onClose).pause();
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
      request.off('close', onClose);
      options.onComplete();
      resolve(buffer.finish());
    };
    const onClose = () => {
      buffer.drop();
      reject(bodyBrokenOff());
    };
    request.on('data', onData).on('close', onClose);
    if (declaredBytes === null) request.on('end', onEnd);
  });
}
