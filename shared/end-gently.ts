import type { Duplex } from 'node:stream';

/**
 * Writes the last bytes and half-closes; cuts the connection after `lingerMs` unless the client closes before. A
 * connection that is closed while unread bytes are left is reset, and the reset may overtake the answer (RFC 9112, 9.6).
 */
export function endGently(socket: Duplex, lastWords: string | undefined, lingerMs: number): void {
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(timer));
  // Bytes that still come are read and dropped.
  socket.resume();
  socket.end(lastWords);
}
