import { performance } from 'node:perf_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Readable, pipeline } from 'node:stream';
import type { RequestSpan } from '../tracing/tracing.ts';
import type {
  Answer,
  ExchangeConsumer,
  ExchangeCredential,
  ExchangeRoute,
  OpenExchange,
  Protocol,
  Tunnel,
} from '../plugin-api/exchange.ts';
import { HeaderList } from '../plugin-api/header-list.ts';
import { endGently } from '../../shared/end-gently.ts';
import { clientAddressOf, isSecure, isTrustedPeer, readWhole } from './exchange-facts.ts';
import type { Http1Connection } from './http1-connection.ts';
import { joinTunnel } from './join-tunnel.ts';
import type { ListenerContext } from './listener-context.ts';
import { requestIdFrom } from './request-id.ts';
import { originForm, splitAuthority, splitTarget, withQuery } from './request-target.ts';
import { unmapped } from './trusted-addresses.ts';

/** A connection that node:http has let go of, since its client asks for another protocol. */
export interface UpgradeOffer {
  /** Header Upgrade, without the protocols that no service is offered. */
  readonly protocols: string;
  /** Gives back to the socket what the client has sent ahead. */
  readonly release: () => void;
}

/** One request of a cleartext HTTP/1.1 connection. Made a hundred thousand times a second: nothing is derived before it is asked for. */
export class Http1Exchange implements OpenExchange {
  readonly receivedAtMs = performance.now();
  readonly protocol: Protocol;
  readonly method: string;
  target: string;
  readonly receivedTarget: string;
  readonly path: string;
  query: string;
  readonly host: string;
  readonly port: number;
  readonly sni: string | undefined;
  readonly headers: HeaderList;
  route: ExchangeRoute | undefined = undefined;
  span: RequestSpan | undefined = undefined;
  consumer: ExchangeConsumer | undefined = undefined;
  credential: ExchangeCredential | undefined = undefined;
  upstreamLatencyMs: number | undefined = undefined;

  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  /** Kept here: undici takes the socket from a request whose body it has sent (nodejs/node issue 38505). */
  readonly #socket: Socket;
  readonly #context: ListenerContext;
  readonly #connection: Http1Connection;
  /** The number of this request on its connection. */
  readonly #number: number;
  /** The client waits for `100 Continue` before it sends the body. */
  readonly #expectsContinue: boolean;
  /** null: chunked. */
  readonly #declaredBytes: number | null;
  readonly #offer: UpgradeOffer | undefined;
  #bodyIsRead: boolean;
  #body: Promise<Buffer> | undefined = undefined;
  #requestId: string | undefined = undefined;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    context: ListenerContext,
    connection: Http1Connection,
    authority: string,
    expectsContinue: boolean,
    offer?: UpgradeOffer,
  ) {
    this.#request = request;
    this.#response = response;
    this.#socket = request.socket;
    this.#context = context;
    this.#connection = connection;
    // A request that may switch protocols is looked at before it is begun.
    this.#number = offer === undefined ? connection.requests : connection.requests + 1;
    this.#offer = offer;
    this.#expectsContinue = expectsContinue;
    this.#declaredBytes = declaredBytesOf(request);
    this.#bodyIsRead = this.#declaredBytes === 0;
    this.method = request.method ?? '';
    // A target in absolute form may name a user and a password: what goes on is its path alone (RFC 9112, 3.2.2).
    this.target = originForm(request.url ?? '');
    this.receivedTarget = this.target;
    this.headers = new HeaderList(request.rawHeaders);
    this.sni = connection.sni;
    this.protocol = isSecure(context, this, this.headers) ? 'https' : 'http';
    const { host, port } = splitAuthority(authority);
    this.host = host;
    this.port = port ?? context.port;
    const { path, query } = splitTarget(this.target);
    this.path = path;
    this.query = query;
  }

  get requestId(): string {
    return (this.#requestId ??= requestIdFrom(this.headers.get('x-request-id')));
  }

  get clientAddress(): string {
    return clientAddressOf(this.#context, this.peerAddress, this.headers);
  }

  get peerAddress(): string {
    return unmapped(this.#socket.remoteAddress ?? '');
  }

  get isPeerTrusted(): boolean {
    return isTrustedPeer(this.#context, this.peerAddress);
  }

  get httpVersion(): string {
    return this.#request.httpVersion;
  }

  get upgrade(): string | undefined {
    return this.#offer?.protocols;
  }

  get clientGone(): boolean {
    return this.#response.destroyed || this.#socket.destroyed;
  }

  readBody(): Promise<Buffer> {
    return (this.#body ??= this.#readBody());
  }

  openBody(): Readable | Promise<Buffer> | null {
    if (this.#body !== undefined) return this.#body;
    if (this.#declaredBytes === 0) return null;
    const request = this.#request;
    this.#connection.streamsBody(this.#number);
    request.once('end', () => {
      this.#bodyIsRead = true;
    });
    // The client's bytes are asked for when somebody takes them.
    if (this.#expectsContinue) request.once('resume', () => this.#response.writeContinue());
    return request;
  }

  rewriteQuery(query: string): void {
    this.query = query;
    this.target = withQuery(this.target, query);
  }

  rewriteBody(body: Buffer): void {
    this.#body = Promise.resolve(body);
    this.headers.remove('transfer-encoding');
    this.headers.set('Content-Length', String(body.length));
  }

  onGone(listener: () => void): void {
    const response = this.#response;
    response.once('close', () => {
      if (!response.writableFinished) listener();
    });
  }

  inform(status: number, headers: readonly string[]): void {
    // HTTP/1.0 has no interim answers, and node:http writes none but these.
    if (status !== 103 || this.httpVersion !== '1.1' || this.clientGone) return;
    const hints: Record<string, string[]> = {};
    for (let index = 0; index + 1 < headers.length; index += 2) {
      (hints[(headers[index] ?? '').toLowerCase()] ??= []).push(headers[index + 1] ?? '');
    }
    if (hints['link'] !== undefined) this.#response.writeEarlyHints(hints);
  }

  respond(answer: Answer): void {
    const response = this.#response;
    if (response.headersSent || this.clientGone) {
      answer.tunnel?.socket.destroy();
      return;
    }
    if (answer.tunnel !== undefined) {
      this.#switch(answer, answer.tunnel);
      return;
    }
    const { body, status } = answer;
    const headers = answer.headers.slice();
    headers.push('X-Request-Id', this.requestId);
    const isEmpty = status === 204 || status === 304;
    const needsLength = !isEmpty && answer.isFramed !== true;
    // A flat list and a known length let node:http send head and body in one write.
    if (typeof body === 'string') {
      if (needsLength) headers.push('Content-Length', String(Buffer.byteLength(body)));
    } else if (needsLength && !(body instanceof Readable)) headers.push('Content-Length', String(body.length));
    if (this.#connection.endsWith(this.#number, answer.closeConnection === true || this.#mustEnd(response))) {
      headers.push('Connection', 'close');
      const socket = this.#socket;
      // node:http would reset the connection while unread bytes are left.
      socket.destroySoon = () => endGently(socket, undefined, this.#context.limits.lingerMs);
    }
    response.writeHead(status, headers);
    if (body instanceof Readable) this.#stream(body, answer.trailers);
    else response.end(isEmpty ? undefined : body);
    this.#connection.answered();
  }

  /** Gives the connection to the service, behind the head of its answer. */
  #switch({ headers }: Answer, tunnel: Tunnel): void {
    const client = this.#socket;
    this.#offer?.release();
    this.#response.detachSocket(client);
    const lines = ['HTTP/1.1 101 Switching Protocols', `X-Request-Id: ${this.requestId}`];
    for (let index = 0; index + 1 < headers.length; index += 2) lines.push(`${headers[index]}: ${headers[index + 1]}`);
    client.write([...lines, '', ''].join('\r\n'), 'latin1');
    const { limits, onLimit } = this.#context;
    joinTunnel({ client, tunnel, lingerMs: limits.lingerMs, onIdle: () => onLimit('read_timeout') });
    this.#connection.answered();
  }

  /** Sends a body as it comes. When it breaks off, the connection is cut: what was sent must not look whole. */
  #stream(body: Readable, trailers: Answer['trailers']): void {
    const response = this.#response;
    body.once('end', () => {
      const pairs = trailers?.() ?? [];
      // Only a chunked answer has room for them.
      if (pairs.length > 0 && response.chunkedEncoding) response.addTrailers(pairsOf(pairs));
    });
    pipeline(body, response, () => undefined);
  }

  #readBody(): Promise<Buffer> {
    const isWelcome = this.#declaredBytes === null || this.#declaredBytes <= this.#context.bodyBytesMax;
    if (this.#expectsContinue && isWelcome) this.#response.writeContinue();
    return readWhole(this.#context, {
      stream: this.#request,
      declaredBytes: this.#declaredBytes,
      onComplete: () => {
        this.#bodyIsRead = true;
      },
    });
  }

  /** Whether the connection cannot take another request after this one. */
  #mustEnd({ shouldKeepAlive }: ServerResponse): boolean {
    // node:http forgets that its client asked for the end where the answer has another `Connection`.
    if (!shouldKeepAlive) return true;
    if (this.#number >= this.#context.limits.requestsPerConnectionMax) return true;
    return !this.#bodyIsRead && !this.#request.complete && !this.#canSkipBody();
  }

  /**
   * A short body that nobody read is skipped by node:http, which keeps the connection. Not so after `Expect`: the client
   * may or may not send it (RFC 9110 section 10.1.1).
   */
  #canSkipBody(): boolean {
    const { skippedBodyBytesMax } = this.#context.limits;
    return this.#declaredBytes !== null && this.#declaredBytes <= skippedBodyBytesMax && !this.#expectsContinue;
  }
}

/**
 * Content-Length, checked by the parser; null: chunked; 0: no body. node:http has parsed all headers by now (it looks at
 * Expect itself), so that these look-ups cost less than a scan of the raw list.
 */
function declaredBytesOf(request: IncomingMessage): number | null {
  const { headers } = request;
  if (headers['transfer-encoding'] !== undefined) return null;
  return headers['content-length'] === undefined ? 0 : Number(headers['content-length']);
}

function pairsOf(flat: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < flat.length; index += 2) pairs.push([flat[index] ?? '', flat[index + 1] ?? '']);
  return pairs;
}
