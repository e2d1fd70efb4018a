import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { performance } from 'node:perf_hooks';
import { Readable, pipeline } from 'node:stream';
import { HeaderList } from '../plugin-api/header-list.ts';
import type {
  Answer,
  ExchangeConsumer,
  ExchangeCredential,
  ExchangeRoute,
  OpenExchange,
  Protocol,
} from '../plugin-api/exchange.ts';
import type { RequestSpan } from '../tracing/tracing.ts';
import type { Http2Head } from './http2-request.ts';
import type { ListenerContext } from './listener-context.ts';
import { readBody } from './read-body.ts';
import { requestIdFrom } from './request-id.ts';
import { claimsHttps, splitAuthority, splitTarget, withQuery } from './request-target.ts';
import { clientBehind } from './trusted-addresses.ts';

/** A large answer is handed over in pieces of this size, so that a client that takes nothing can be told from a slow one. */
const pieceBytes = 64 * 1024;

/** Header fields that belong to a connection of HTTP/1.1 (RFC 9113, 8.2.2). */
const connectionHeaders = new Set(['connection', 'upgrade', 'keep-alive', 'transfer-encoding', 'proxy-connection']);

/** `application/grpc`, alone or with a message format or parameters; not grpc-web. */
const grpcPattern = /^application\/grpc(?:$|[+;])/i;

/** What a stream asks of its connection. */
export interface StreamConnection {
  readonly sni: string | undefined;
  readonly peerAddress: string;
  /** Counts an answer; `isFinished`: its client was there for it. */
  answered(isFinished: boolean): void;
}

/** One request of an HTTP/2 connection, that is one stream. */
export class Http2Exchange implements OpenExchange {
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
  readonly httpVersion = '2.0';
  route: ExchangeRoute | undefined = undefined;
  span: RequestSpan | undefined = undefined;
  consumer: ExchangeConsumer | undefined = undefined;
  credential: ExchangeCredential | undefined = undefined;
  upstreamLatencyMs: number | undefined = undefined;

  readonly #stream: ServerHttp2Stream;
  readonly #context: ListenerContext;
  readonly #connection: StreamConnection;
  /** null: not declared. */
  readonly #declaredBytes: number | null;
  #bodyIsRead: boolean;
  #body: Promise<Buffer> | undefined = undefined;
  #requestId: string | undefined = undefined;
  #isAnswered = false;

  constructor(stream: ServerHttp2Stream, head: Http2Head, connection: StreamConnection, context: ListenerContext) {
    this.#stream = stream;
    this.#context = context;
    this.#connection = connection;
    this.method = head.method;
    this.target = head.target;
    this.receivedTarget = this.target;
    this.headers = new HeaderList(head.headers);
    this.sni = connection.sni;
    const { host, port } = splitAuthority(head.authority);
    this.host = host;
    this.port = port ?? context.port;
    const { path, query } = splitTarget(head.target);
    this.path = path;
    this.query = query;
    this.#bodyIsRead = stream.endAfterHeaders;
    this.#declaredBytes = declaredBytesOf(this.headers, stream.endAfterHeaders);
    this.protocol = this.#protocol();
  }

  get requestId(): string {
    return (this.#requestId ??= requestIdFrom(this.headers.get('x-request-id')));
  }

  get clientAddress(): string {
    const { trusted } = this.#context;
    if (trusted.isEmpty) return this.peerAddress;
    return clientBehind(trusted, this.peerAddress, this.headers.all('x-forwarded-for'));
  }

  get peerAddress(): string {
    return this.#connection.peerAddress;
  }

  get isPeerTrusted(): boolean {
    const { trusted } = this.#context;
    return !trusted.isEmpty && trusted.has(this.peerAddress);
  }

  get clientGone(): boolean {
    return this.#stream.destroyed || this.#stream.aborted;
  }

  /** Whether the body of the request has not come whole. */
  get isReading(): boolean {
    return !this.#bodyIsRead && !this.#isAnswered;
  }

  /** Characters of the answer that the client has not taken. */
  get unsent(): number {
    return this.#isAnswered ? this.#stream.bufferSize : 0;
  }

  readBody(): Promise<Buffer> {
    return (this.#body ??= this.#readBody());
  }

  openBody(): Readable | Promise<Buffer> | null {
    if (this.#body !== undefined) return this.#body;
    if (this.#bodyIsRead) return null;
    this.#stream.once('end', () => {
      this.#bodyIsRead = true;
    });
    this.#continue();
    return this.#stream;
  }

  rewriteQuery(query: string): void {
    this.query = query;
    this.target = withQuery(this.target, query);
  }

  rewriteBody(body: Buffer): void {
    this.#body = Promise.resolve(body);
    this.headers.set('Content-Length', String(body.length));
  }

  onGone(listener: () => void): void {
    const stream = this.#stream;
    stream.once('close', () => {
      // A stream that is reset counts as finished to Node.js.
      if (!this.#isAnswered || stream.rstCode !== constants.NGHTTP2_NO_ERROR) listener();
    });
  }

  inform(status: number, headers: readonly string[]): void {
    if (status === 101 || this.#isAnswered || this.clientGone) return;
    this.#stream.additionalHeaders({ ...fieldsOf(headers), ':status': status });
  }

  respond(answer: Answer): void {
    const stream = this.#stream;
    if (this.#isAnswered) return;
    if (!this.clientGone) this.#send(answer);
    this.#isAnswered = true;
    this.#connection.answered(!stream.aborted);
  }

  /** Answers a request whose body takes too long. Its reader learns that the client broke off. */
  timeOut(): void {
    this.respond({
      status: 408,
      headers: ['Content-Type', 'application/json; charset=utf-8'],
      body: timedOutBody(this),
    });
    this.#abandon();
  }

  #send({ status, headers, body, trailers }: Answer): void {
    const stream = this.#stream;
    const fields = fieldsOf(headers);
    fields[':status'] = status;
    fields['x-request-id'] = this.requestId;
    const isBodiless = this.method === 'HEAD' || status === 204 || status === 304;
    if (!(body instanceof Readable) && status !== 204 && status !== 304) {
      fields['content-length'] = Buffer.byteLength(body);
    }
    const endStream = isBodiless || (!(body instanceof Readable) && body.length === 0 && trailers === undefined);
    stream.respond(fields, { endStream, waitForTrailers: !endStream && trailers !== undefined });
    if (endStream) {
      if (body instanceof Readable) body.destroy();
    } else this.#sendBody(body, trailers);
    if (this.#bodyIsRead) return;
    // RFC 9113, 8.1: the answer is complete without the rest of the request.
    if (stream.writableFinished) this.#abandon();
    else stream.once('finish', () => this.#abandon());
  }

  /** Closes a stream whose request was not read to its end. */
  #abandon(): void {
    this.#stream.close(constants.NGHTTP2_NO_ERROR);
    // The stream ends once what came of it is dropped.
    this.#stream.resume();
  }

  #sendBody(body: Answer['body'], trailers: Answer['trailers']): void {
    const stream = this.#stream;
    if (trailers !== undefined) stream.once('wantTrailers', () => stream.sendTrailers(fieldsOf(trailers())));
    if (body instanceof Readable) pipeline(body, stream, () => undefined);
    else if (body.length <= pieceBytes) stream.end(body);
    else pipeline(Readable.from(piecesOf(Buffer.from(body))), stream, () => undefined);
  }

  #readBody(): Promise<Buffer> {
    const { bodyBytesMax, bodies, onLimit } = this.#context;
    if (this.#declaredBytes === null || this.#declaredBytes <= bodyBytesMax) this.#continue();
    return readBody({
      stream: this.#stream,
      declaredBytes: this.#declaredBytes,
      bytesMax: bodyBytesMax,
      bodies,
      onComplete: () => {
        this.#bodyIsRead = true;
      },
      onFull: () => onLimit('request_bodies_max'),
    });
  }

  /** Asks for the body where the client waits to be asked. */
  #continue(): void {
    if (this.headers.get('expect')?.toLowerCase() === '100-continue') this.inform(100, []);
  }

  #protocol(): Protocol {
    const isSecure = this.sni !== undefined || (claimsHttps(this.headers) && this.isPeerTrusted);
    if (grpcPattern.test(this.headers.get('content-type') ?? '')) return isSecure ? 'grpcs' : 'grpc';
    return isSecure ? 'https' : 'http';
  }
}

function declaredBytesOf(headers: HeaderList, endAfterHeaders: boolean): number | null {
  if (endAfterHeaders) return 0;
  const length = headers.get('content-length');
  return length === undefined ? null : Number(length);
}

/** Returns header fields as HTTP/2 takes them: names in lower case, none that belongs to a connection. */
function fieldsOf(flat: readonly string[]): OutgoingHttpHeaders {
  const fields: OutgoingHttpHeaders = {};
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const name = (flat[index] ?? '').toLowerCase();
    const value = flat[index + 1] ?? '';
    if (connectionHeaders.has(name)) continue;
    const known = fields[name];
    if (known === undefined) fields[name] = value;
    else fields[name] = Array.isArray(known) ? [...known, value] : [String(known), value];
  }
  return fields;
}

function* piecesOf(body: Buffer): Generator<Buffer> {
  for (let start = 0; start < body.length; start += pieceBytes) yield body.subarray(start, start + pieceBytes);
}

function timedOutBody({ requestId }: Http2Exchange): string {
  return JSON.stringify({ message: 'Request Timeout', request_id: requestId });
}
