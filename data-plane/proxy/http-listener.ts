import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { OpenExchange } from './exchange.ts';
import { HttpExchange, type ExchangeSettings } from './http-exchange.ts';
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
  const open = new Set<Socket>();
  let accepted = 0;
  server.on('connection', (socket: Socket) => {
    accepted += 1;
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  const admit = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean) => {
    const authority = authorityOf(request);
    if (authority === undefined) return refuse(response, 400);
    if (request.rawHeaders.length > 2 * limits.headersMax) return refuse(response, 431);
    options.handle(new HttpExchange(request, response, settings, authority, expectsContinue));
  };
  server.on('request', (request, response) => admit(request, response, false));
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => admit(request, response, true));
  server.on('connect', (_request, socket: Duplex) => socket.end(rawAnswer(405)));
  server.on('clientError', answerClientError);
  const { host, port } = await bind(server, options.listen);
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
      });
    },
    destroy() {
      const left = open.size;
      server.closeAllConnections();
      for (const socket of open) socket.destroy();
      return left;
    },
  };
}

function createBoundedServer(limits: HttpLimits): Server {
  const server = createServer({
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: Math.max(limits.requestTimeoutMs, limits.headersTimeoutMs),
    connectionsCheckingInterval: limits.timeoutCheckMs,
    keepAliveTimeout: limits.idleTimeoutMs,
    noDelay: true,
  });
  // node:http drops headers over its count without a word: it may keep one more than we allow, so that we see it.
  server.maxHeadersCount = limits.headersMax + 1;
  server.maxRequestsPerSocket = limits.requestsPerConnectionMax;
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

/** The request's authority: of an absolute target, else of the one Host header; undefined when there are several. */
function authorityOf(request: IncomingMessage): string | undefined {
  const flat = request.rawHeaders;
  let host: string | undefined;
  for (let index = 0; index < flat.length; index += 2) {
    const name = flat[index];
    if (name === undefined || name.length !== 4 || name.toLowerCase() !== 'host') continue;
    if (host !== undefined) return undefined;
    host = flat[index + 1];
  }
  return absoluteAuthority(request.url ?? '') ?? host ?? '';
}

function absoluteAuthority(target: string): string | undefined {
  if (target.startsWith('/')) return undefined;
  return /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?@]*@)?([^/?]*)/i.exec(target)?.[1];
}

function refuse(response: ServerResponse, status: number): void {
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

/** What node:http could not parse, or waited for too long. */
function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  const status = statusOfParseError(error.code);
  // node:http keeps the response that a connection is busy with here; there is no public name for it.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const busy = (socket as { _httpMessage?: ServerResponse | null })._httpMessage;
  if (status === undefined || !socket.writable) socket.destroy(error);
  else if (busy === undefined || busy === null) socket.end(rawAnswer(status), () => socket.destroy());
  else if (busy.req.complete) {
    // Rubbish behind a request that is still being served: its answer goes out, then the connection ends.
    if (busy.listenerCount('finish', destroyConnection) === 0) busy.once('finish', destroyConnection);
  } else if (busy.headersSent) socket.destroy(error);
  else socket.end(rawAnswer(status), () => socket.destroy());
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

function rawAnswer(status: number): string {
  const body = refusalBody(status);
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `Date: ${new Date().toUTCString()}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${body.length}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}

function refusalBody(status: number): string {
  return JSON.stringify({ message: STATUS_CODES[status], request_id: createRequestId() });
}
