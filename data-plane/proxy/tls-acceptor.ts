import type { Socket } from 'node:net';
import { createServer, type SecureContext, type TLSSocket } from 'node:tls';

export interface TlsOptions {
  /** Returns the certificate for the server name of a handshake; undefined: the fallback. Asked for each handshake. */
  readonly contextFor: (serverName: string) => SecureContext | undefined;
  /** PEM; shown to clients that name no server, or one without a certificate. */
  readonly fallback: { readonly cert: string; readonly key: string };
}

/** Hands a connection over once its handshake is done. */
export type OnSecure = (raw: Socket, socket: TLSSocket, protocol: 'http1' | 'http2', serverName: string) => void;

/**
 * Returns what does the TLS handshake on connections that a listener accepted: TLS 1.2 and 1.3, with HTTP/2 and HTTP/1.1
 * by ALPN (RFC 7301). A handshake that fails ends its connection.
 */
export function createTlsAcceptor({ contextFor, fallback }: TlsOptions, onSecure: OnSecure): (raw: Socket) => void {
  /** node:tls does not tell which connection a handshake belongs to; the client's address and port do. */
  const pending = new Map<string, Socket>();
  const server = createServer({
    ...fallback,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['h2', 'http/1.1'],
    SNICallback: (serverName, done) => done(null, contextFor(serverName.toLowerCase())),
  });
  server.on('secureConnection', (socket) => {
    const raw = pending.get(keyOf(socket));
    if (raw === undefined) {
      socket.destroy();
      return;
    }
    pending.delete(keyOf(socket));
    // A client that named no server has an empty name here, and false in the types.
    const serverName = typeof socket.servername === 'string' ? socket.servername.toLowerCase() : '';
    onSecure(raw, socket, socket.alpnProtocol === 'h2' ? 'http2' : 'http1', serverName);
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return (raw) => {
    const key = keyOf(raw);
    pending.set(key, raw);
    raw.once('close', () => {
      if (pending.get(key) === raw) pending.delete(key);
    });
    server.emit('connection', raw);
  };
}

function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
