import type { Server } from 'node:net';

/** Binds a TCP server; port 0 takes a free one. Resolves to the place as bound; rejects when it cannot be bound. */
export function bindPort(
  server: Server,
  listen: { readonly host: string; readonly port: number },
): Promise<{ readonly host: string; readonly port: number }> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen, () => {
      server.off('error', reject);
      const address = server.address();
      // A TCP server's address is a record; text would be a pipe's.
      if (address === null || typeof address === 'string') reject(new Error('not bound to a port'));
      else resolve({ host: address.address, port: address.port });
    });
  });
}
