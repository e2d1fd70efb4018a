import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Logger } from '../../shared/log.ts';

/** What one client may take of the Admin API, and for how long. */
export interface AdminLimits {
  readonly headerBytesMax: number;
  readonly connectionsMax: number;
  /** From the connection, or the answer before, to the end of the headers. */
  readonly headersTimeoutMs: number;
  /** To the end of the body. */
  readonly requestTimeoutMs: number;
  /** How long a connection without requests is kept. */
  readonly keepAliveTimeoutMs: number;
  /** How often the two time-outs of requests are looked at. */
  readonly checkIntervalMs: number;
}

export const defaultAdminLimits: AdminLimits = {
  headerBytesMax: 16 * 1024,
  connectionsMax: 1_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 60_000,
  checkIntervalMs: 5_000,
};

export interface AdminTls {
  readonly certPem: Buffer;
  readonly keyPem: Buffer;
}

/** Connections over the limit are worth one line in this time. */
const fullLogMs = 60_000;

/** The server of the Admin API, HTTPS when there is a certificate. */
export function createListener(options: {
  readonly handler: RequestListener;
  readonly tls: AdminTls | undefined;
  readonly limits: AdminLimits;
  readonly logger: Logger;
}): Server {
  const { handler, tls, limits, logger } = options;
  const settings = {
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: limits.checkIntervalMs,
  };
  const server =
    tls === undefined
      ? createHttpServer(settings, handler)
      : createHttpsServer(
          {
            ...settings,
            cert: tls.certPem,
            key: tls.keyPem,
            minVersion: 'TLSv1.2',
            handshakeTimeout: limits.headersTimeoutMs,
          },
          handler,
        );
  server.maxConnections = limits.connectionsMax;
  let saidAtMs = -Infinity;
  server.on('drop', () => {
    if (performance.now() - saidAtMs < fullLogMs) return;
    saidAtMs = performance.now();
    logger.warn('admin_connections_full', 'Connections to the Admin API are refused: there are as many as it takes', {
      connections_max: limits.connectionsMax,
    });
  });
  return server;
}

/** Answers what never became a request: HTTP that cannot be parsed, headers that are too large, a client too slow. */
export function answerBrokenRequest(error: Error, socket: Socket): void {
  const code = 'code' in error ? error.code : undefined;
  const [status, message] =
    code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'The headers are too large']
      : code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'The request took too long']
        : ['400 Bad Request', 'Not an HTTP request'];
  if (!socket.writable || code === 'ECONNRESET') return void socket.destroy();
  const body = JSON.stringify({ message });
  const head = `HTTP/1.1 ${status}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
  socket.end(head + body);
}
