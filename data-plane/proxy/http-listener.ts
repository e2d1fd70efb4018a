import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { OpenExchange } from '../plugin-api/exchange.ts';
import { closeGentlyAfterAnswer, endGently } from './gentle-close.ts';
import { type ConnectionState, HttpExchange, type ExchangeSettings } from './http-exchange.ts';
import { httpLimits, type HttpLimits } from './http-limits.ts';
import { createRequestId } from './request-id.ts';
import { createTrustedAddresses } from './trusted-addresses.ts';

export interface HttpListenerOptions {
  /** Port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly handle: (exchange: OpenExchange) => void;
  readonly bodyBytesMax: number;
  /** Addresses and CIDRs whose X-Forwarded-* is believed. */
  readonly trustedIps: readonly string[];
  readonly limits?: Partial<HttpLimits>;
  /** A request was refused before it became an exchange: its status. */
  readonly onRefused?: (status: number) => void;
  /** The bound port has trouble: a connection could not be accepted. */
  readonly onError?: (error: Error) => void;
}

export interface HttpListener {
  readonly host: string;
  readonly port: number;
  readonly connections: { readonly accepted: number; readonly active: number };
  /** Answers say `Connection: close` from here on, no connection is accepted any more; resolves when the last one ended. */
  drain(): Promise<void>;
  /** Cuts what is left; returns how many connections that were. */
  destroy(): number;
}

/** Serves cleartext HTTP/1.1 on node:http. Rejects when the port cannot be bound. */
export async function startHttpListener(options: HttpListenerOptions): Promise<HttpListener> {
  const limits = { ...httpLimits, ...options.limits };
  const settings: ExchangeSettings = {
    bodyBytesMax: options.bodyBytesMax,
    limits,
    trusted: createTrustedAddresses(options.trustedIps),
    port: options.listen.port,
    isClosing: false,
  };
  const server = createBoundedServer(limits);
  const open = new Map<Socket, ConnectionState>();
  let accepted = 0;
  server.on('connection', (socket: Socket) => {
    accepted += 1;
    open.set(socket, { requests: 0, isEnding: false });
    socket.once('close', () => open.delete(socket));
  });
  serveRequests(server, options, settings, open);
  const onRefused = options.onRefused ?? (() => undefined);
  server.on('connect', createConnectHandler(limits, onRefused));
  server.on('clientError', createClientErrorHandler(limits, onRefused));
  const { host, port } = await bind(server, options.listen);
  // A connection that could not be accepted (no file descriptors left) is no reason to end the process.
  server.on('error', (error) => options.onError?.(error));
  settings.port = port;
  return {
    host,
    port,
    get connections() {
      return { accepted, active: open.size };
    },
    drain() {
      settings.isClosing = true;
      return new Promise((resolve) => {
        server.close(() => resolve());
        // node:http closes connections between two requests; those that never sent a byte it would wait for.
        for (const socket of open.keys()) if (socket.bytesRead === 0) socket.destroy();
      });
    },
    destroy() {
      const left = open.size;
      server.closeAllConnections();
      for (const socket of open.keys()) socket.destroy();
      return left;
    },
  };
}

/** Hands requests on as exchanges; refuses those that are framed in a way that cannot be served. */
function serveRequests(
  server: Server,
  { handle, onRefused }: HttpListenerOptions,
  settings: ExchangeSettings,
  open: ReadonlyMap<Socket, ConnectionState>,
): void {
  const { limits } = settings;
  const admit = (request: IncomingMessage, response: ServerResponse, expects: 'nothing' | 'continue' | 'unknown') => {
    const connection = open.get(request.socket);
    // Behind a last answer: skipped, so that the client can send it again elsewhere without harm.
    if (connection === undefined || connection.isEnding || connection.requests >= limits.requestsPerConnectionMax) {
      request.resume();
      return;
    }
    connection.requests += 1;
    const refusal = expects === 'unknown' ? 417 : refusalOf(request, limits);
    const authority = authorityOf(request);
    if (refusal !== undefined || authority === undefined) {
      connection.isEnding = true;
      refuse(response, refusal ?? 400, limits);
      onRefused?.(refusal ?? 400);
      return;
    }
    handle(new HttpExchange(request, response, settings, connection, authority, expects === 'continue'));
  };
  server.on('request', (request, response) => admit(request, response, 'nothing'));
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) =>
    admit(request, response, 'continue'),
  );
  server.on('checkExpectation', (request, response) => admit(request, response, 'unknown'));
}

function createBoundedServer(limits: HttpLimits): Server {
  const server = createServer({
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: Math.max(limits.requestTimeoutMs, limits.headersTimeoutMs),
    connectionsCheckingInterval: limits.timeoutCheckMs,
    keepAliveTimeout: limits.idleTimeoutMs,
    noDelay: true,
    // Looked at here, so that the refusal has a body like all others.
    requireHostHeader: false,
  });
  // node:http drops headers over its count without a word: it may keep one more than we allow, so that we see it.
  server.maxHeadersCount = limits.headersMax + 1;
  return server;
}

function bind(server: Server, listen: { host: string; port: number }): Promise<{ host: string; port: number }> {
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

/** The status for a request that parses but cannot be served as it is framed; undefined when nothing is wrong. */
function refusalOf(request: IncomingMessage, limits: HttpLimits): number | undefined {
  // The parser takes 0.9 and 2.0 for versions of the same syntax.
  if (request.httpVersionMajor !== 1) return 505;
  if (request.rawHeaders.length > 2 * limits.headersMax) return 431;
  const coding = request.headers['transfer-encoding'];
  if (coding === undefined) return undefined;
  // RFC 9112 section 6.1: framing that HTTP/1.0 does not know; codings that we do not undo.
  if (request.httpVersionMinor === 0) return 400;
  return coding.toLowerCase() === 'chunked' ? undefined : 501;
}

/** RFC 3986 section 3.2: host and port. */
const authorityPattern = /^[A-Za-z0-9\-._~!$&'()*+,;=%:[\]]*$/;

/** A name of the DNS with a port. */
const authorityCharsMax = 259;

/**
 * The request's authority: of an absolute target, else of the one Host header, which only HTTP/1.0 may leave out (RFC
 * 9112 section 3.2). undefined: refused.
 */
function authorityOf(request: IncomingMessage): string | undefined {
  const flat = request.rawHeaders;
  let host: string | undefined;
  for (let index = 0; index < flat.length; index += 2) {
    const name = flat[index];
    if (name === undefined || name.length !== 4 || name.toLowerCase() !== 'host') continue;
    if (host !== undefined) return undefined;
    host = flat[index + 1];
  }
  if (host === undefined && request.httpVersionMinor !== 0) return undefined;
  const authority = absoluteAuthority(request.url ?? '') ?? host ?? '';
  return authority.length <= authorityCharsMax && authorityPattern.test(authority) ? authority : undefined;
}

function absoluteAuthority(target: string): string | undefined {
  if (target.startsWith('/')) return undefined;
  return /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?@]*@)?([^/?]*)/i.exec(target)?.[1];
}

function refuse(response: ServerResponse, status: number, { lingerMs }: HttpLimits): void {
  closeGentlyAfterAnswer(response.req, lingerMs);
  const body = refusalBody(status);
  response.writeHead(status, [
    'Content-Type',
    'application/json; charset=utf-8',
    'Content-Length',
    String(body.length),
    'Connection',
    'close',
  ]);
  response.end(body);
}

/** Nothing is tunnelled. node:http has let go of the connection by now, its errors included. */
function createConnectHandler(
  { lingerMs }: HttpLimits,
  onRefused: (status: number) => void,
): (request: IncomingMessage, socket: Duplex) => void {
  return (_request, socket) => {
    socket.on('error', () => socket.destroy());
    socket.resume();
    const busy = responseUnderWay(socket);
    onRefused(405);
    // Behind a request that is still being served: its answer is the last, and no other may overtake it.
    if (busy !== undefined) busy.once('finish', destroyConnection);
    else endGently(socket, rawAnswer(405, ['Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS']), lingerMs);
  };
}

function responseUnderWay(socket: Duplex): ServerResponse | undefined {
  // node:http keeps the response that a connection is busy with here; there is no public name for it.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (socket as { _httpMessage?: ServerResponse | null })._httpMessage ?? undefined;
}

/** Answers what node:http could not parse, or waited for too long, and ends the connection. */
function createClientErrorHandler(
  { lingerMs }: HttpLimits,
  onRefused: (status: number) => void,
): (error: NodeJS.ErrnoException, socket: Duplex) => void {
  /** Connections that were refused: what still comes over them is malformed again, and skipped. */
  const refused = new WeakSet<Duplex>();
  return (error, socket) => {
    const status = statusOfParseError(error.code);
    const busy = responseUnderWay(socket);
    if (status !== undefined && refused.has(socket)) return;
    if (status === undefined || !socket.writable) socket.destroy(error);
    else if (busy?.req.complete === true) {
      // Rubbish behind a request that is still being served: its answer goes out, then the connection ends.
      if (busy.listenerCount('finish', destroyConnection) === 0) busy.once('finish', destroyConnection);
    } else if (busy?.headersSent === true) socket.destroy(error);
    else {
      refused.add(socket);
      onRefused(status);
      endGently(socket, rawAnswer(status), lingerMs);
    }
  };
}

function destroyConnection(this: ServerResponse): void {
  this.req.socket.destroySoon();
}

function statusOfParseError(code: string | undefined): number | undefined {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408;
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  // Anything else of the parser is malformed input; the rest are errors of the socket.
  return code?.startsWith('HPE_') === true ? 400 : undefined;
}

function rawAnswer(status: number, headers: readonly string[] = []): string {
  const body = refusalBody(status);
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `Date: ${new Date().toUTCString()}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${body.length}`,
    'Connection: close',
    ...headers,
    '',
    body,
  ].join('\r\n');
}

function refusalBody(status: number): string {
  return JSON.stringify({ message: STATUS_CODES[status], request_id: createRequestId() });
}
