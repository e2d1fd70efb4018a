import { connect, createServer, type Socket } from 'node:net';

/** Passes bytes on to a server and keeps what clients sent. */
export interface RecordingProxy {
  readonly address: string;
  /** Everything that clients sent so far, one byte a character. */
  sent(): string;
  close(): Promise<void>;
}

export async function startRecordingProxy(target: string): Promise<RecordingProxy> {
  const colon = target.lastIndexOf(':');
  const sockets = new Set<Socket>();
  let sent = '';
  const server = createServer((client) => {
    const upstream = connect(Number(target.slice(colon + 1)), target.slice(0, colon));
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    client.on('data', (chunk: Buffer) => {
      sent += chunk.toString('latin1');
    });
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    address: `127.0.0.1:${address.port}`,
    sent: () => sent,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
