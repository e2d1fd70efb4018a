import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { serverNameOf } from './client-hello.ts';

export interface TlsOptions {
  /** Returns the certificate for the server name of a handshake; undefined: the fallback. Asked for each handshake. */
  readonly contextFor: (serverName: string) => SecureContext | undefined;
  /** PEM; shown to clients for whose server name there is none. */
  readonly fallback: { readonly cert: string; readonly key: string };
}

/** Hands a connection over once its handshake is done. */
export type OnSecure = (raw: Socket, socket: TLSSocket, protocol: 'http1' | 'http2', serverName: string) => void;

/** A ClientHello has at most some 2 KB; a longer one goes to the TLS library unread. */
const helloBytesMax = 16 * 1024;

/**
 * Returns what does the TLS handshake on connections that a listener accepted: TLS 1.2 and 1.3, with HTTP/2 and HTTP/1.1
 * by ALPN (RFC 7301). A handshake that fails ends its connection. The certificate is chosen before the handshake begins:
 * Node.js's SNICallback adds a certificate to that of the server, so that a client that takes ECDSA would be shown a
 * fallback of ECDSA where the name has one of RSA, and of two certificates it would show one.
 */
export function createTlsAcceptor({ contextFor, fallback }: TlsOptions, onSecure: OnSecure): (raw: Socket) => void {
  const fallbackContext = createSecureContext(fallback);
  return (raw) =>
    readServerName(raw, (serverName) => {
      const socket = new TLSSocket(raw, {
        isServer: true,
        secureContext: contextFor(serverName) ?? fallbackContext,
        ALPNProtocols: ['h2', 'http/1.1'],
      });
      socket.on('error', () => socket.destroy());
      socket.once('close', () => raw.destroy());
      socket.once('secure', () => {
        // Only a tls.Server says so itself, and node:http2 waits for it.
        Object.assign(socket, { secureConnecting: false });
        onSecure(raw, socket, socket.alpnProtocol === 'h2' ? 'http2' : 'http1', serverName);
      });
    });
}

/** Reads as much as tells the server name, puts it back and goes on. A connection that says too little is bounded elsewhere. */
function readServerName(raw: Socket, next: (serverName: string) => void): void {
  let received: Buffer = Buffer.alloc(0);
  const look = (): void => {
    const chunk: unknown = raw.read();
    if (!Buffer.isBuffer(chunk)) return;
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const found = serverNameOf(received);
    if (found.kind === 'incomplete' && received.length < helloBytesMax) return;
    raw.off('readable', look);
    raw.unshift(received);
    next(found.kind === 'name' ? found.name : '');
  };
  raw.on('readable', look);
  // A client that ends its side has said all: there is no handshake any more.
  raw.once('end', () => raw.destroy());
}
