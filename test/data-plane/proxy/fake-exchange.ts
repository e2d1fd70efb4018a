import type {
  Answer,
  ExchangeConsumer,
  ExchangeCredential,
  ExchangeRoute,
  OpenExchange,
  Protocol,
  PublishMessage,
} from '../../../data-plane/plugin-api/exchange.ts';
import type { RequestSpan } from '../../../data-plane/tracing/tracing.ts';
import { HeaderList } from '../../../data-plane/plugin-api/header-list.ts';

/** A request without a connection; keeps the answers that it was given. */
export class FakeExchange implements OpenExchange {
  readonly receivedAtMs = performance.now();
  readonly requestId = 'request-1';
  readonly protocol: Protocol;
  readonly method: string;
  target: string;
  readonly receivedTarget: string;
  readonly path: string;
  query: string;
  readonly host: string;
  readonly port = 8000;
  readonly sni = undefined;
  readonly headers: HeaderList;
  readonly clientAddress: string;
  readonly peerAddress = '192.0.2.1';
  readonly isPeerTrusted = false;
  readonly httpVersion = '1.1';
  clientGone = false;
  route: ExchangeRoute | undefined = undefined;
  span: RequestSpan | undefined = undefined;
  consumer: ExchangeConsumer | undefined = undefined;
  credential: ExchangeCredential | undefined = undefined;
  upstreamLatencyMs: number | undefined = undefined;
  readonly answers: Answer[] = [];
  /** Set by tests of calls. */
  publishMessages: ((publish: PublishMessage) => Promise<Answer>) | undefined = undefined;
  #body: Buffer;

  constructor({
    protocol = 'http',
    target = '/orders',
    host = 'example.com',
    headers = [],
    method = 'POST',
    body = '',
    clientAddress = '192.0.2.1',
  }: {
    readonly protocol?: Protocol;
    readonly target?: string;
    readonly host?: string;
    readonly headers?: readonly string[];
    readonly method?: string;
    readonly body?: string | Buffer;
    readonly clientAddress?: string;
  } = {}) {
    this.method = method;
    this.clientAddress = clientAddress;
    this.#body = Buffer.from(body);
    this.protocol = protocol;
    this.target = target;
    this.receivedTarget = target;
    const { pathname, search } = new URL(target, 'http://example.com');
    this.path = pathname;
    this.query = search.slice(1);
    this.host = host;
    this.headers = new HeaderList([...headers]);
  }

  openBody(): null {
    return null;
  }
  onGone(): void {}
  inform(): void {}

  /** The answer; throws unless there is exactly one. */
  get answer(): Answer {
    const [answer, ...others] = this.answers;
    if (answer === undefined || others.length > 0) throw new Error(`${this.answers.length} answers`);
    return answer;
  }

  /** The body of the one answer, parsed. */
  get json(): Readonly<Record<string, unknown>> {
    const { body } = this.answer;
    if (typeof body !== 'string') throw new Error('not text');
    // A border: tests state what they expect of it.
    return JSON.parse(body) as Readonly<Record<string, unknown>>;
  }

  header(name: string): string | undefined {
    return new HeaderList([...this.answer.headers]).get(name.toLowerCase());
  }

  readBody(): Promise<Buffer> {
    return Promise.resolve(this.#body);
  }

  rewriteQuery(query: string): void {
    this.query = query;
    this.target = query === '' ? this.path : `${this.path}?${query}`;
  }

  rewriteBody(body: Buffer): void {
    this.#body = body;
    this.headers.set('Content-Length', String(body.length));
  }

  respond(answer: Answer): void {
    // As node:http does.
    if (answer.headers.some((text) => text.includes('\n'))) throw new TypeError('Invalid character in header content');
    this.answers.push(answer);
  }
}
