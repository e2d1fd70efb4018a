import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * For an answer that is given before the request was read to its end. node:http closes such a connection with
 * `destroySoon`, which resets it while unread bytes are left, and the reset may overtake the answer. Half-closing and
 * reading on for a moment lets the client see the answer first. Call before the answer is ended.
 */
export function closeGentlyAfterAnswer(request: IncomingMessage, lingerMs: number): void {
  const { socket } = request;
  socket.destroySoon = () => endGently(socket, undefined, lingerMs);
  request.resume();
}

/** Writes the last bytes and half-closes; cuts the connection after `lingerMs` unless the client closes before. */
export function endGently(socket: Duplex, lastWords: string | undefined, lingerMs: number): void {
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(timer));
  socket.end(lastWords);
}
