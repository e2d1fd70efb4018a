import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy that breaks connections, whatever they carry. */
export interface CuttingProxy {
  readonly address: string;
  /** Cuts what is open. */
  cut(): void;
  /** The next connections are cut after this many bytes from the target; afterwards all bytes pass. */
  cutAfter(bytes: readonly number[]): void;
  /** Connections that were cut by `cutAfter`. */
  readonly cuts: number;
  close(): Promise<void>;
}

/** Forwards connections on a free loopback port to a target that is looked up for each. */
export async function startCuttingProxy(target: () => string): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let limits: number[] = [];
  let cuts = 0;
  const server = createServer((client) => {
    const [host = '', port = ''] = target().split(':');
    const upstream = connect({ host, port: Number(port) });
    const limit = limits.shift();
    let passed = 0;
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    client.pipe(upstream);
    upstream.on('data', (chunk: Buffer) => {
      const rest = limit === undefined ? chunk.length : Math.max(0, limit - passed);
      passed += chunk.length;
      if (!client.write(chunk.subarray(0, rest))) {
        upstream.pause();
        client.once('drain', () => upstream.resume());
      }
      if (limit === undefined || passed < limit) return;
      cuts += 1;
      end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the proxy is not bound to a port');
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  return {
    address: `127.0.0.1:${bound.port}`,
    cut,
    cutAfter: (bytes) => (limits = [...bytes]),
    get cuts() {
      return cuts;
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      cut();
      await closed;
    },
  };
}
