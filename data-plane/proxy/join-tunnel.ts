import type { Socket } from 'node:net';
import type { Tunnel } from '../plugin-api/exchange.ts';
import { endGently } from '../../shared/end-gently.ts';

/** The longest timer of Node.js. */
const timerMsMax = 2 ** 31 - 1;

export interface TunnelOptions {
  readonly client: Socket;
  readonly tunnel: Tunnel;
  readonly lingerMs: number;
  /** Nothing passed either way for as long as the service allows. */
  readonly onIdle: () => void;
}

/**
 * Passes bytes both ways between a client and a service, with back-pressure, until one of them closes its connection. Each
 * half is closed by itself, since protocols may send their last words behind the other side's end.
 */
export function joinTunnel({ client, tunnel, lingerMs, onIdle }: TunnelOptions): void {
  const { socket: service, idleMs } = tunnel;
  // Whatever passes is read from the client or written to it.
  client.setTimeout(Math.min(idleMs, timerMsMax), () => {
    onIdle();
    client.destroy();
  });
  client.once('close', () => service.destroy());
  service.once('close', () => endGently(client, undefined, lingerMs));
  if (service.destroyed) endGently(client, undefined, lingerMs);
  client.pipe(service);
  service.pipe(client);
}
