import { createServer, type Server } from 'node:net';
import { PortTakenError } from './jvm-process.ts';

/** Ports of the loopback address that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  try {
    for (let index = 0; index < count; index += 1) servers.push(await listen(0));
    return servers.map(portOf);
  } finally {
    await Promise.all(servers.map(close));
  }
}

const attemptsMax = 4;

/**
 * Chooses ports and starts on them; when another process was faster in taking one, again with other ports.
 * @throws what `start` throws
 */
export async function startOnFreePorts<T>(
  options: { readonly count: number; readonly choosePorts?: ((count: number) => Promise<number[]>) | undefined },
  start: (ports: readonly number[]) => Promise<T>,
): Promise<T> {
  const { count, choosePorts = freePorts } = options;
  for (let attempt = 1; ; attempt += 1) {
    const ports = await choosePorts(count);
    try {
      return await start(ports);
    } catch (error) {
      if (!(error instanceof PortTakenError) || attempt === attemptsMax) throw error;
    }
  }
}

/** The wanted port when it is free on the loopback address, else the next free one above it. */
export async function nextFreePort(wanted: number, taken: ReadonlySet<number> = new Set()): Promise<number> {
  for (let port = wanted; port <= 65_535; port += 1) {
    if (!taken.has(port) && (await isFree(port))) return port;
  }
  throw new Error(`No port from ${wanted} upwards is free.`);
}

async function isFree(port: number): Promise<boolean> {
  try {
    await close(await listen(port));
    return true;
  } catch {
    return false;
  }
}

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1' }, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('A TCP server has no port.');
  return address.port;
}
