import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { connectionsWithin } from './descriptors.ts';
import { HttpPortConnection, type ConnectionBounds } from './http-port-connection.ts';
import { withinTime } from './within-time.ts';

/** The bounds of what clients of one port may take, and for how long. */
export interface HttpPortBounds extends ConnectionBounds {
  readonly connectionsMax: number;
  readonly headerBytesMax: number;
  /** From the connection to the end of the TLS handshake. */
  readonly handshakeTimeoutMs: number;
  /** From the connection, or the answer before, to the end of the headers. */
  readonly headerTimeoutMs: number;
  /** To the end of the body. */
  readonly bodyTimeoutMs: number;
  /** How long a connection without requests is kept. */
  readonly idleTimeoutMs: number;
  /** How long a client may take nothing of an answer. */
  readonly sendTimeoutMs: number;
  /** How often the time-outs of requests are checked. */
  readonly checkMs: number;
  /** How long a port that ends waits for the next request of each client, which tells the client so. */
  readonly drainIdleMs: number;
}

/** The bounds of the Admin and the status port. */
export const httpPortBounds: HttpPortBounds = {
  connectionsMax: 1_000,
  headerBytesMax: 16 * 1024,
  handshakeTimeoutMs: 10_000,
  headerTimeoutMs: 10_000,
  bodyTimeoutMs: 60_000,
  idleTimeoutMs: 60_000,
  sendTimeoutMs: 30_000,
  pipelinedMax: 16,
  checkMs: 5_000,
  drainIdleMs: 500,
  lingerMs: 1_000,
};

/** The names of the bounds, as `limit` in logs and metrics tells them. */
export type HttpPortLimit =
  | 'connections_max'
  | 'header_bytes_max'
  | 'handshake_timeout'
  | 'header_timeout'
  | 'body_timeout'
  | 'send_timeout'
  | 'pipelined_max';

export interface TlsFiles {
  readonly certPem: Buffer;
  readonly keyPem: Buffer;
}

export interface HttpPortOptions {
  /** With it the port speaks HTTPS. */
  readonly tls?: TlsFiles | undefined;
  readonly bounds: HttpPortBounds;
  /** Called when a client reached a bound. */
  readonly onLimit: (limit: HttpPortLimit) => void;
}

/** A port of ours that speaks HTTP/1.1 through node:http, within bounds. */
export interface HttpPort {
  /** Makes a server whose connections belong to the port; one for each address that a host name has. */
  readonly createServer: (handler: RequestListener) => Server;
  /** Answers what never became a request: HTTP that cannot be parsed, headers that are too large, a client too slow. */
  readonly refuse: (error: Error, socket: Duplex) => void;
  /**
   * Ends the port in steps: every answer says `Connection: close`, no connection is accepted, and after `drainIdleMs`
   * those without a request are half-closed. Resolves when no connection is left, after `timeoutMs` at the latest.
   */
  drain(timeoutMs: number): Promise<void>;
}

interface PortState {
  readonly options: HttpPortOptions;
  /** Accepted connections: over TLS those below it, since a handshake may never end. */
  readonly accepted: Set<Socket>;
  /** Connections whose TLS handshake is not done, by the client's address and port. */
  readonly handshakes: Map<string, Socket>;
  /** Connections that can carry requests. */
  readonly open: Map<Duplex, HttpPortConnection>;
  readonly servers: Server[];
  isDraining: boolean;
}

/** Prepares a port; nothing listens yet. */
export function createHttpPort(options: HttpPortOptions): HttpPort {
  const state: PortState = {
    options,
    accepted: new Set(),
    handshakes: new Map(),
    open: new Map(),
    servers: [],
    isDraining: false,
  };
  return {
    createServer(handler) {
      const server = createBoundedServer(state, handler);
      state.servers.push(server);
      return server;
    },
    refuse: (error, socket) => refuse(state, error, socket),
    drain: (timeoutMs) => drain(state, timeoutMs),
  };
}

function createBoundedServer(state: PortState, handler: RequestListener): Server {
  const { tls, bounds, onLimit } = state.options;
  const settings = {
    maxHeaderSize: bounds.headerBytesMax,
    headersTimeout: bounds.headerTimeoutMs,
    requestTimeout: Math.max(bounds.bodyTimeoutMs, bounds.headerTimeoutMs),
    keepAliveTimeout: bounds.idleTimeoutMs,
    connectionsCheckingInterval: bounds.checkMs,
  };
  const take = (request: IncomingMessage, response: ServerResponse): void => {
    if (state.open.get(request.socket)?.take(request, response) === true) onLimit('pipelined_max');
  };
  const server =
    tls === undefined
      ? createHttpServer(settings, take)
      : createHttpsServer({ ...settings, cert: tls.certPem, key: tls.keyPem, minVersion: 'TLSv1.2' }, take);
  if (tls !== undefined) boundHandshakes(server, state);
  server.maxConnections = connectionsWithin(bounds.connectionsMax);
  server.on('drop', () => onLimit('connections_max'));
  server.on('connection', (socket: Socket) => {
    state.accepted.add(socket);
    socket.once('close', () => state.accepted.delete(socket));
  });
  server.prependListener(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    const connection = new HttpPortConnection(socket, bounds, handler);
    if (state.isDraining) connection.drain();
    state.open.set(socket, connection);
    socket.once('close', () => state.open.delete(socket));
  });
  // Nothing moved on a connection for this long. node:http sets the idle time-out on those between two requests.
  server.timeout = bounds.sendTimeoutMs;
  server.on('timeout', (socket) => {
    const isAnswering = state.open.get(socket)?.isAnswering === true;
    // An answer may take its time; only one that the client does not take is given up.
    if (isAnswering && socket.writableLength === 0) return;
    if (isAnswering) onLimit('send_timeout');
    socket.destroy();
  });
  return server;
}

/** Cuts connections whose TLS handshake takes too long: node:tls tells of them, and leaves them open. */
function boundHandshakes(server: Server, { options, handshakes }: PortState): void {
  const keyOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
  server.on('connection', (socket: Socket) => {
    const key = keyOf(socket);
    handshakes.set(key, socket);
    const timer = setTimeout(() => {
      if (handshakes.get(key) !== socket) return;
      options.onLimit('handshake_timeout');
      socket.destroy();
    }, options.bounds.handshakeTimeoutMs);
    socket.once('close', () => {
      clearTimeout(timer);
      if (handshakes.get(key) === socket) handshakes.delete(key);
    });
  });
  server.prependListener('secureConnection', (socket: Socket) => handshakes.delete(keyOf(socket)));
}

const refusals: Readonly<Record<string, { readonly status: string; readonly message: string }>> = {
  HPE_HEADER_OVERFLOW: { status: '431 Request Header Fields Too Large', message: 'The headers are too large' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: '408 Request Timeout', message: 'The request took too long' },
};
const malformed = { status: '400 Bad Request', message: 'Not an HTTP request' };

function refuse({ options, open }: PortState, error: Error, socket: Duplex): void {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const connection = open.get(socket);
  const limit = limitOf(code, connection);
  if (limit !== undefined) options.onLimit(limit);
  const refusal = refusals[code] ?? (code.startsWith('HPE_') ? malformed : undefined);
  // Everything else is trouble of the connection itself, or a TLS handshake that failed: nothing can be told.
  if (refusal === undefined || connection === undefined || !socket.writable) return void socket.destroy();
  const body = JSON.stringify({ message: refusal.message });
  const head = `HTTP/1.1 ${refusal.status}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
  connection.end(head + body);
}

function limitOf(code: string, connection: HttpPortConnection | undefined): HttpPortLimit | undefined {
  if (code === 'HPE_HEADER_OVERFLOW') return 'header_bytes_max';
  if (code !== 'ERR_HTTP_REQUEST_TIMEOUT') return undefined;
  return connection?.isAnswering === true ? 'body_timeout' : 'header_timeout';
}

async function drain(state: PortState, timeoutMs: number): Promise<void> {
  const { drainIdleMs } = state.options.bounds;
  state.isDraining = true;
  for (const connection of state.open.values()) connection.drain();
  // Connections that are there already are accepted; closing the port would reset them.
  await nextTurn();
  const closed = Promise.all(state.servers.map(closeServer));
  await withinTime(closed, drainIdleMs, () => undefined);
  const endIdle = (): void => {
    for (const connection of state.open.values()) if (!connection.isBusy) connection.end();
    // Whoever has not finished a handshake by now has not sent a request.
    for (const socket of state.handshakes.values()) socket.destroy();
  };
  endIdle();
  await withinTime(closed, timeoutMs - drainIdleMs, () => undefined);
  for (const socket of state.accepted) socket.destroy();
  await Promise.race([closed, delay(0)]);
}

/** Closes the port alone: `close` of node:http would also cut the connections that are idle at this moment. */
function closeServer(server: Server): Promise<void> {
  if (!server.listening) return Promise.resolve();
  return new Promise((resolve) => void NetServer.prototype.close.call(server, () => resolve()));
}
