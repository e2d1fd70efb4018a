import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { setTimeout as delay } from 'node:timers/promises';
import { createSelfSigned } from '../../../../shared/self-signed.ts';

export interface Relay {
  readonly port: number;
  close(): void;
}

/** Passes connections on to a port of loopback, each answer late by `delayMs`. */
export async function slowRelay(target: number, delayMs: number): Promise<Relay> {
  return listening(
    createServer((socket) => {
      const inner = joined(socket, target);
      socket.pipe(inner);
      inner.on('data', (chunk) => void delay(delayMs).then(() => socket.write(chunk)));
    }),
  );
}

/** Passes TLS connections on as clear text; knows no other server name than the one given. */
export async function tlsRelay(target: number, serverName: string): Promise<Relay> {
  const { certPem: cert, keyPem: key } = await createSelfSigned(serverName, 1);
  const server = createTlsServer(
    {
      cert,
      key,
      SNICallback: (name, done) => (name === serverName ? done(null) : done(new Error('another name'))),
    },
    (socket) => socket.pipe(joined(socket, target)).pipe(socket),
  );
  server.on('tlsClientError', () => undefined);
  return listening(server);
}

/** Ends every connection at once. */
export function closingRelay(): Promise<Relay> {
  return listening(createServer((socket) => socket.destroy()));
}

/** A connection that ends with the other one. */
function joined(socket: Socket, target: number): Socket {
  const inner = connect(target, '127.0.0.1');
  for (const [one, other] of [
    [socket, inner],
    [inner, socket],
  ] as const) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
  }
  return inner;
}

async function listening(server: Server): Promise<Relay> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  return { port, close: () => void server.close() };
}
