import type { Readable } from 'node:stream';
import type {
  Answer,
  ExchangeConsumer,
  ExchangeCredential,
  ExchangeRoute,
  OpenExchange,
  Protocol,
} from '../../plugin-api/exchange.ts';
import type { HeaderList } from '../../plugin-api/header-list.ts';
import type { RequestSpan } from '../../tracing/tracing.ts';
import { withQuery } from '../request-target.ts';
import type { GrpcMessage } from './grpc-messages.ts';

/** One message of a gRPC call, as the spine sees it: a request of its own whose body is the message. */
export class MessageExchange implements OpenExchange {
  readonly receivedAtMs: number;
  readonly deadlineMs: number | undefined;
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
  readonly httpVersion: string;
  route: ExchangeRoute | undefined = undefined;
  span: RequestSpan | undefined = undefined;
  consumer: ExchangeConsumer | undefined = undefined;
  credential: ExchangeCredential | undefined = undefined;
  upstreamLatencyMs: number | undefined = undefined;
  /** Resolves with the answer that the spine gives. */
  readonly answered: Promise<Answer>;

  readonly #call: OpenExchange;
  #body: Buffer;
  #answer: (answer: Answer) => void = () => undefined;

  constructor(call: OpenExchange, message: GrpcMessage, deadlineMs: number | undefined) {
    this.#call = call;
    this.#body = message.bytes;
    this.receivedAtMs = message.receivedAtMs;
    this.deadlineMs = deadlineMs;
    this.protocol = call.protocol;
    this.method = call.method;
    this.target = call.target;
    this.receivedTarget = call.receivedTarget;
    this.path = call.path;
    this.query = call.query;
    this.host = call.host;
    this.port = call.port;
    this.sni = call.sni;
    // Plugins change headers, such as a key that they hide, and run for each message.
    this.headers = call.headers.copy();
    this.httpVersion = call.httpVersion;
    this.answered = new Promise((resolve) => {
      this.#answer = resolve;
    });
  }

  get requestId(): string {
    return this.#call.requestId;
  }

  get clientAddress(): string {
    return this.#call.clientAddress;
  }

  get peerAddress(): string {
    return this.#call.peerAddress;
  }

  get isPeerTrusted(): boolean {
    return this.#call.isPeerTrusted;
  }

  get clientGone(): boolean {
    return this.#call.clientGone;
  }

  readBody(): Promise<Buffer> {
    return Promise.resolve(this.#body);
  }

  openBody(): Readable | Promise<Buffer> | null {
    return this.readBody();
  }

  rewriteQuery(query: string): void {
    this.query = query;
    this.target = withQuery(this.target, query);
  }

  rewriteBody(body: Buffer): void {
    this.#body = body;
  }

  onGone(listener: () => void): void {
    this.#call.onGone(listener);
  }

  inform(): void {
    // A call has no interim answers.
  }

  respond(answer: Answer): void {
    this.#answer(answer);
  }
}
