import type { Socket } from 'node:net';

/** A protocol that serves the connections of a listener. */
export interface ConnectionServer {
  /** Serves a connection. `sni` is the server name of its TLS handshake, undefined when it is cleartext. */
  serve(socket: Socket, sni: string | undefined): void;
  /** The node begins to drain. */
  drain(): void;
  /** Closes the connections of a draining node that have no request under way. */
  endIdle(): void;
  /** Called every `checkMs`. */
  check(): void;
  close(): void;
}
