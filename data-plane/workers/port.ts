import { createServer, type Socket } from 'node:net';
import { bindPort } from '../../shared/bind-port.ts';

/** A bound port of a node of several workers. Its connections go to whoever `give` chooses. */
export interface Port {
  readonly host: string;
  readonly port: number;
  /** Accepts no connection any more. Those that were given away go on. */
  close(): void;
}

export interface PortOptions {
  /** Port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly give: (socket: Socket) => void;
  readonly onError: (error: Error) => void;
}

/**
 * Binds a port in the parent, which reads nothing of its connections. The port stays bound while workers come and go, and
 * no connection is lost with a worker that never took it. (Node.js's own cluster module closes the port with its last
 * worker, and forgets a connection on its way to a worker that dies.) Rejects when the port cannot be bound.
 */
export async function openPort({ listen, give, onError }: PortOptions): Promise<Port> {
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, give);
  const { host, port } = await bindPort(server, listen);
  server.on('error', onError);
  return { host, port, close: () => void server.close() };
}
