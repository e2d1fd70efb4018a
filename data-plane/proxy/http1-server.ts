import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Duplex } from 'node:stream';
import { endGently } from '../../shared/end-gently.ts';
import type { ConnectionServer } from './connection-server.ts';
import { Http1Connection, type ParsedRequest } from './http1-connection.ts';
import { Http1Exchange } from './http1-exchange.ts';
import { rawRefusal, refusalOf } from './http1-refusal.ts';
import { authorityOf, faultOf } from './http1-request-check.ts';
import { createUpgradeHandler } from './http1-upgrade.ts';
import type { ListenerContext } from './listener-context.ts';
import type { LimitName, ListenerLimits } from './listener-limits.ts';

/** Serves HTTP/1.1 on connections that another listener accepted, by node:http's parser. */
export function createHttp1Server(context: ListenerContext): ConnectionServer {
  const { limits } = context;
  const server = createBoundedServer(limits);
  const open = new Map<Duplex, Http1Connection>();
  const begin = (parsed: ParsedRequest, connection: Http1Connection) => beginRequest(parsed, connection, context);
  const take = (request: IncomingMessage, response: ServerResponse, expects: ParsedRequest['expects']) => {
    const connection = open.get(request.socket);
    if (connection === undefined) request.resume();
    else connection.take({ request, response, expects });
  };
  server.on('request', (request, response) => take(request, response, 'nothing'));
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) =>
    take(request, response, 'continue'),
  );
  server.on('checkExpectation', (request, response) => take(request, response, 'unknown'));
  server.on('connect', createConnectHandler(context, open));
  const upgrade = createUpgradeHandler(context, (socket: Socket) => server.emit('connection', socket));
  server.on('upgrade', (request, socket, head) => {
    const connection = open.get(socket);
    if (connection === undefined) socket.destroy();
    else upgrade(request, head, connection);
  });
  const refuseClient = createClientErrorHandler(context, open);
  server.on('clientError', refuseClient);
  // Emitted for connections between two requests only: nothing else sets a time-out on them.
  server.on('timeout', (socket) => {
    context.onLimit('idle_timeout');
    socket.destroy();
  });
  // node:http looks at its time-outs from this event on. This server never listens itself.
  server.emit('listening');
  return {
    serve(socket, sni) {
      open.set(socket, new Http1Connection(socket, sni, context, begin));
      socket.once('close', () => open.delete(socket));
      server.emit('connection', socket);
    },
    drain() {
      for (const connection of open.values()) connection.noteDrain();
    },
    endIdle() {
      for (const connection of open.values()) connection.endIdle();
    },
    check() {
      const nowMs = performance.now();
      for (const [socket, connection] of open) {
        connection.forgetWritten();
        if (connection.isBodyOverdue(nowMs)) refuseClient(new RequestTimeout(), socket);
      }
    },
    close() {
      server.close();
    },
  };
}

function createBoundedServer(limits: ListenerLimits): Server {
  const server = createServer({
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headerTimeoutMs,
    // Bodies are looked at in `check`: one that streams to a service may take any time.
    requestTimeout: 0,
    connectionsCheckingInterval: limits.checkMs,
    keepAliveTimeout: limits.idleTimeoutMs,
    // Looked at in `authorityOf`, so that the refusal has a body like all others.
    requireHostHeader: false,
  });
  // node:http drops headers over its count without a word: it may keep one more than we allow, so that we see it.
  server.maxHeadersCount = limits.headersMax + 1;
  return server;
}

/** node:http's error for a request that takes too long. */
class RequestTimeout extends Error {
  readonly code = 'ERR_HTTP_REQUEST_TIMEOUT';
}

/** Hands a request on as an exchange; refuses one that is framed in a way that cannot be served. */
function beginRequest(parsed: ParsedRequest, connection: Http1Connection, context: ListenerContext): void {
  const { request, response, expects } = parsed;
  const fault = expects === 'unknown' ? { status: 417 } : faultOf(request, context.limits);
  const authority = authorityOf(request);
  if (fault !== undefined || authority === undefined) {
    if (fault?.limit !== undefined) context.onLimit(fault.limit);
    refuse(parsed, connection, fault?.status ?? 400, context);
    return;
  }
  context.handle(new Http1Exchange(request, response, context, connection, authority, expects === 'continue'));
}

function refuse(
  { request, response }: ParsedRequest,
  connection: Http1Connection,
  status: number,
  { limits, onRefused }: ListenerContext,
): void {
  connection.end();
  closeGentlyAfterAnswer(request, limits.lingerMs);
  const { headers, body } = refusalOf(status);
  response.writeHead(status, headers);
  response.end(body);
  connection.answered();
  onRefused(status);
}

/** Makes node:http half-close a connection behind its last answer, where it would reset it. Call before the answer is ended. */
export function closeGentlyAfterAnswer({ socket }: IncomingMessage, lingerMs: number): void {
  socket.destroySoon = () => endGently(socket, undefined, lingerMs);
}

/** Nothing is tunnelled. node:http has let go of the connection by now, its errors included. */
function createConnectHandler(
  { onRefused }: ListenerContext,
  open: ReadonlyMap<Duplex, Http1Connection>,
): (request: IncomingMessage, socket: Duplex) => void {
  return (_request, socket) => {
    socket.on('error', () => socket.destroy());
    socket.resume();
    onRefused(405);
    const refusal = rawRefusal(405, ['Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS']);
    // Behind a request that is still being served: its answer is the last, and no other may overtake it.
    open.get(socket)?.endAfterAnswers(refusal);
  };
}

/** Answers what node:http could not parse, or waited for too long, and ends the connection. */
function createClientErrorHandler(
  context: ListenerContext,
  open: ReadonlyMap<Duplex, Http1Connection>,
): (error: NodeJS.ErrnoException, socket: Duplex) => void {
  /** Connections that were refused: what still comes over them is malformed again, and skipped. */
  const refused = new WeakSet<Duplex>();
  return (error, socket) => {
    const connection = open.get(socket);
    const fault = connectionFault(error.code, connection);
    if (fault !== undefined && refused.has(socket)) return;
    if (fault === undefined || connection === undefined || !socket.writable) {
      socket.destroy(error);
      return;
    }
    if (fault.limit !== undefined) context.onLimit(fault.limit);
    const end = connection.endAfterAnswers(rawRefusal(fault.status));
    if (end === 'cut') socket.destroy(error);
    if (end !== 'now') return;
    refused.add(socket);
    context.onRefused(fault.status);
  };
}

function connectionFault(
  code: string | undefined,
  connection: Http1Connection | undefined,
): { readonly status: number; readonly limit?: LimitName } | undefined {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return { status: 408, limit: connection?.isReadingBody === true ? 'body_timeout' : 'header_timeout' };
  }
  if (code === 'HPE_HEADER_OVERFLOW') return { status: 431, limit: 'header_bytes_max' };
  // Anything else of the parser is malformed input; the rest are errors of the socket.
  return code?.startsWith('HPE_') === true ? { status: 400 } : undefined;
}
