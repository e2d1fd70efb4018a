import type { Readable } from 'node:stream';
import type {
  Exchange,
  ExchangeConsumer,
  ExchangeCredential,
  ExchangeRoute,
  Protocol,
} from '../../plugin-api/exchange.ts';
import type { HeaderList } from '../../plugin-api/header-list.ts';
import type { RequestSpan } from '../../tracing/tracing.ts';
import type { GrpcMessage } from './grpc-messages.ts';

/** One message of a gRPC call, as a plugin that publishes sees it: the call's request with the message as its body. */
export class MessageExchange implements Exchange {
  readonly receivedAtMs: number;
  readonly messageIndex: number;
  route: ExchangeRoute | undefined;
  span: RequestSpan | undefined;
  consumer: ExchangeConsumer | undefined;
  credential: ExchangeCredential | undefined;
  upstreamLatencyMs: number | undefined = undefined;

  readonly #call: Exchange;
  #body: Buffer;

  /** @param messageIndex The number of the message in its call, from 0. */
  constructor(call: Exchange, message: GrpcMessage, messageIndex: number) {
    this.#call = call;
    this.#body = message.bytes;
    this.receivedAtMs = message.receivedAtMs;
    this.messageIndex = messageIndex;
    this.route = call.route;
    this.span = call.span;
    this.consumer = call.consumer;
    this.credential = call.credential;
  }

  get deadlineMs(): number | undefined {
    return this.#call.deadlineMs;
  }

  get requestId(): string {
    return this.#call.requestId;
  }

  get protocol(): Protocol {
    return this.#call.protocol;
  }

  get method(): string {
    return this.#call.method;
  }

  get target(): string {
    return this.#call.target;
  }

  get receivedTarget(): string {
    return this.#call.receivedTarget;
  }

  get path(): string {
    return this.#call.path;
  }

  get query(): string {
    return this.#call.query;
  }

  get host(): string {
    return this.#call.host;
  }

  get port(): number {
    return this.#call.port;
  }

  get sni(): string | undefined {
    return this.#call.sni;
  }

  /** The headers of the call, as the plugins before left them. */
  get headers(): HeaderList {
    return this.#call.headers;
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

  get httpVersion(): string {
    return this.#call.httpVersion;
  }

  readBody(): Promise<Buffer> {
    return Promise.resolve(this.#body);
  }

  openBody(): Readable | Promise<Buffer> | null {
    return this.readBody();
  }

  rewriteQuery(query: string): void {
    this.#call.rewriteQuery(query);
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
}
