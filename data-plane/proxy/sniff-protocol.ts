import type { Socket } from 'node:net';

/** The first bytes of an HTTP/2 connection with prior knowledge (RFC 9113, 3.4). No HTTP/1.1 request begins with them. */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/**
 * Looks at the first bytes of a cleartext connection and tells its protocol once it is certain. The bytes stay in the
 * socket for whoever serves it. A connection that ends before that is closed.
 */
export function sniffProtocol(socket: Socket, onKnown: (protocol: 'http1' | 'http2') => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const look = () => {
    // Null both when nothing came and at the end.
    const bytes: unknown = socket.read();
    if (!Buffer.isBuffer(bytes)) return;
    seen = seen.length === 0 ? bytes : Buffer.concat([seen, bytes]);
    const compared = Math.min(seen.length, preface.length);
    const isPreface = preface.subarray(0, compared).equals(seen.subarray(0, compared));
    if (isPreface && compared < preface.length) return;
    socket.off('readable', look).off('end', end);
    socket.unshift(seen);
    onKnown(isPreface ? 'http2' : 'http1');
  };
  const end = () => socket.destroy();
  socket.on('readable', look).on('end', end);
}
