import { constants, type ServerHttp2Stream } from 'node:http2';
import { performance } from 'node:perf_hooks';
import { PassThrough, Readable, pipeline } from 'node:stream';
import { HeaderList } from '../plugin-api/header-list.ts';
import type {
  Answer,
  ExchangeConsumer,
  ExchangeCredential,
  ExchangeRoute,
  OpenExchange,
  Protocol,
  PublishMessage,
} from '../plugin-api/exchange.ts';
import type { RequestSpan } from '../tracing/tracing.ts';
import { clientAddressOf, isSecure, isTrustedPeer, readWhole } from './exchange-facts.ts';
import { callTimeoutMs } from './grpc/call-deadline.ts';
import { grpcAnswer } from './grpc/grpc-answer.ts';
import { GrpcCall } from './grpc/grpc-call.ts';
import { isGrpcType } from './grpc/grpc-type.ts';
import { fieldsOf } from './http2-fields.ts';
import type { Http2Head } from './http2-request.ts';
import type { ListenerContext } from './listener-context.ts';
import { requestIdFrom } from './request-id.ts';
import { splitAuthority, splitTarget, withQuery } from './request-target.ts';

/** A large answer is handed over in pieces of this size, so that a client that takes nothing can be told from a slow one. */
const pieceBytes = 64 * 1024;

/** How often the end of a queue of frames is looked for. */
const queuePollMs = 20;

/** What a stream asks of its connection. */
export interface StreamConnection {
  readonly sni: string | undefined;
  readonly peerAddress: string;
  /** Counts an answer; `isFinished`: its client was there for it. */
  answered(isFinished: boolean): void;
}

/** One request of an HTTP/2 connection, that is one stream; also a gRPC call. */
export class Http2Exchange implements OpenExchange {
  readonly receivedAtMs = performance.now();
  readonly deadlineMs: number | undefined = undefined;
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
  readonly publishMessages: ((publish: PublishMessage) => Promise<Answer>) | undefined = undefined;

  readonly #stream: ServerHttp2Stream;
  readonly #context: ListenerContext;
  readonly #connection: StreamConnection;
  /** null: not declared. */
  readonly #declaredBytes: number | null;
  #bodyIsRead: boolean;
  #body: Promise<Buffer> | undefined = undefined;
  #requestId: string | undefined = undefined;
  #isAnswered = false;
  readonly #isGrpc: boolean;
  /** Set while the messages of a gRPC call are published. */
  #call: GrpcCall | undefined = undefined;
  /** Somebody takes the body as it arrives. */
  #isStreaming = false;
  #window: number | undefined = undefined;
  #stillSinceMs = this.receivedAtMs;

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
    this.#isGrpc = head.method === 'POST' && isGrpcType(this.headers.get('content-type'));
    const isTls = isSecure(context, connection, this.headers);
    if (!this.#isGrpc) {
      this.protocol = isTls ? 'https' : 'http';
      return;
    }
    this.protocol = isTls ? 'grpcs' : 'grpc';
    this.publishMessages = (publish) => this.#publishMessages(publish);
    const timeoutMs = callTimeoutMs(this.headers.get('grpc-timeout'));
    if (timeoutMs !== undefined) this.deadlineMs = this.receivedAtMs + timeoutMs;
  }

  get requestId(): string {
    return (this.#requestId ??= requestIdFrom(this.headers.get('x-request-id')));
  }

  get clientAddress(): string {
    return clientAddressOf(this.#context, this.peerAddress, this.headers);
  }

  get peerAddress(): string {
    return this.#connection.peerAddress;
  }

  get isPeerTrusted(): boolean {
    return isTrustedPeer(this.#context, this.peerAddress);
  }

  get clientGone(): boolean {
    return this.#stream.destroyed || this.#stream.aborted;
  }

  /**
   * Monotonic milliseconds since when the client owes what the request needs to go on: its body, or of a gRPC call the rest
   * of a message. A call may rest between messages, and one that goes to a service is bounded there.
   */
  get unfinishedSinceMs(): number | undefined {
    if (this.#bodyIsRead || this.#isAnswered) return undefined;
    if (this.#call !== undefined) return this.#call.unfinishedSinceMs;
    if (!this.#isStreaming) return this.receivedAtMs;
    return this.#isGrpc ? undefined : this.#stillSince();
  }

  /** Since when nothing came of a body that streams to somebody who takes it. It compares with the call before. */
  #stillSince(): number {
    const stream = this.#stream;
    // What came takes it from the window, until it is consumed.
    const { localWindowSize } = stream.state;
    const isAwaited = stream.readableFlowing === true && stream.readableLength === 0;
    if (!isAwaited || localWindowSize !== this.#window) this.#stillSinceMs = performance.now();
    this.#window = localWindowSize;
    return this.#stillSinceMs;
  }

  /** Monotonic milliseconds since when a gRPC call rests between two messages; undefined where it does not. */
  get restingSinceMs(): number | undefined {
    return this.#isAnswered ? undefined : this.#call?.restingSinceMs;
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
    this.#isStreaming = true;
    this.#stream.once('end', () => {
      this.#bodyIsRead = true;
    });
    this.#continue();
    return this.#readable();
  }

  /** The body alone: whoever has read it may destroy it, and the stream is also the way of the answer. */
  #readable(): Readable {
    const stream = this.#stream;
    const body = new PassThrough();
    // Who reads hears of a client that went away by 'close' too. Nobody may be left to listen, and an error that nobody
    // hears ends the process.
    body.on('error', () => undefined);
    stream.pipe(body, { end: false });
    stream.once('end', () => {
      // A stream that is reset ends as a complete one does.
      if (this.clientGone) body.destroy(clientWentAway());
      else body.end();
    });
    stream.once('close', () => {
      if (!stream.readableEnded) body.destroy(clientWentAway());
    });
    body.once('close', () => stream.unpipe(body));
    return body;
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
    if (!this.clientGone) this.#send(this.#isGrpc ? grpcAnswer(answer, this) : answer);
    this.#isAnswered = true;
    this.#connection.answered(!stream.aborted);
  }

  endMessages(): void {
    this.#call?.shutDown();
  }

  /** Answers a request whose body takes too long. Its reader learns that the client broke off. */
  timeOut(): void {
    if (this.#call !== undefined) {
      this.#call.timeOut();
      return;
    }
    this.respond({
      status: 408,
      headers: ['Content-Type', 'application/json; charset=utf-8'],
      body: timedOutBody(this),
    });
    this.#abandon();
  }

  #send({ status, headers, body, trailers, isFramed }: Answer): void {
    const stream = this.#stream;
    const fields = fieldsOf(headers);
    fields[':status'] = status;
    fields['x-request-id'] = this.requestId;
    const isBodiless = this.method === 'HEAD' || status === 204 || status === 304;
    if (isFramed !== true && !(body instanceof Readable) && status !== 204 && status !== 304) {
      fields['content-length'] = Buffer.byteLength(body);
    }
    const endStream = isBodiless || (!(body instanceof Readable) && body.length === 0 && trailers === undefined);
    stream.respond(fields, { endStream, waitForTrailers: !endStream && trailers !== undefined });
    if (endStream) {
      if (body instanceof Readable) body.destroy();
    } else this.#sendBody(body, trailers);
    if (this.#bodyIsRead || (!endStream && trailers !== undefined)) return;
    if (stream.writableFinished) this.#abandonWhenSent();
    else stream.once('finish', () => this.#abandonWhenSent());
  }

  /** Closes a stream whose request was not read to its end: the answer is complete without it (RFC 9113, 8.1). */
  #abandon(): void {
    if (this.#bodyIsRead) return;
    this.#stream.close(constants.NGHTTP2_NO_ERROR);
    // The stream ends once what came of it is dropped.
    this.#stream.resume();
  }

  /** Closing a stream drops its frames that are still queued: the trailers, from Node.js 22 on also headers without a body. */
  #abandonWhenSent(): void {
    if (!this.#bodyIsRead) setImmediate(() => this.#abandonOnceSent());
  }

  #abandonOnceSent(): void {
    const queued = this.#stream.session?.state.outboundQueueSize ?? 0;
    if (queued === 0) this.#abandon();
    else if (!this.#stream.destroyed) setTimeout(() => this.#abandonOnceSent(), queuePollMs);
  }

  #sendBody(body: Answer['body'], trailers: Answer['trailers']): void {
    const stream = this.#stream;
    if (trailers !== undefined) {
      stream.once('wantTrailers', () => {
        stream.sendTrailers(fieldsOf(trailers()));
        this.#abandonWhenSent();
      });
    }
    if (body instanceof Readable) pipeline(body, stream, () => undefined);
    else if (body.length <= pieceBytes) stream.end(body);
    else pipeline(Readable.from(piecesOf(Buffer.from(body))), stream, () => undefined);
  }

  async #publishMessages(publish: PublishMessage): Promise<Answer> {
    const { bodyBytesMax: messageBytesMax, bodies, onLimit } = this.#context;
    const body = await this.openBody();
    const onFull = (): void => onLimit('request_bodies_max');
    this.#call = new GrpcCall({ call: this, body, publish, messageBytesMax, bodies, onFull });
    return this.#call.run();
  }

  #readBody(): Promise<Buffer> {
    if (this.#declaredBytes === null || this.#declaredBytes <= this.#context.bodyBytesMax) this.#continue();
    return readWhole(this.#context, {
      stream: this.#stream,
      declaredBytes: this.#declaredBytes,
      isBroken: () => this.clientGone,
      onComplete: () => {
        this.#bodyIsRead = true;
      },
    });
  }

  /** Asks for the body where the client waits to be asked. */
  #continue(): void {
    if (this.headers.get('expect')?.toLowerCase() === '100-continue') this.inform(100, []);
  }
}

function clientWentAway(): Error {
  return new Error('the client went away');
}

function declaredBytesOf(headers: HeaderList, endAfterHeaders: boolean): number | null {
  if (endAfterHeaders) return 0;
  const length = headers.get('content-length');
  return length === undefined ? null : Number(length);
}

function* piecesOf(body: Buffer): Generator<Buffer> {
  for (let start = 0; start < body.length; start += pieceBytes) yield body.subarray(start, start + pieceBytes);
}

function timedOutBody({ requestId }: Http2Exchange): string {
  return JSON.stringify({ message: 'Request Timeout', request_id: requestId });
}
