import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { RequestError } from '../../shared/errors.ts';
import { normalizePath } from '../../shared/path.ts';
import type { TryRequest } from '../../shared/try-request.ts';
import type {
  Exchange,
  ExchangeConsumer,
  ExchangeCredential,
  ExchangeRoute,
  Protocol,
} from '../plugin-api/exchange.ts';
import { HeaderList } from '../plugin-api/header-list.ts';
import type { Trial, TrialRecord } from '../plugin-api/trial.ts';

/** The exchange of a sample request. It has no connection and no answer. */
export class TrialExchange implements Exchange {
  readonly receivedAtMs = performance.now();
  readonly deadlineMs: number;
  readonly requestId = randomUUID();
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
  readonly clientAddress: string;
  readonly peerAddress: string;
  readonly isPeerTrusted = false;
  readonly httpVersion: string;
  readonly records: TrialRecord[] = [];
  readonly trial: Trial = { note: (record) => void this.records.push(record) };
  readonly span = undefined;
  route: ExchangeRoute | undefined = undefined;
  consumer: ExchangeConsumer | undefined = undefined;
  credential: ExchangeCredential | undefined = undefined;
  upstreamLatencyMs: number | undefined = undefined;
  #body: Buffer;
  readonly #bodyBytesMax: number;

  constructor(
    request: TryRequest,
    { bodyBytesMax, timeMs }: { readonly bodyBytesMax: number; readonly timeMs: number },
  ) {
    const question = request.path.indexOf('?');
    const isTls = request.protocol === 'https' || request.protocol === 'grpcs';
    const [, name = '', port] = /^(.*?)(?::(\d+))?$/.exec(request.host) ?? [];
    this.deadlineMs = this.receivedAtMs + timeMs;
    this.protocol = request.protocol;
    this.method = request.method;
    this.target = request.path;
    this.receivedTarget = request.path;
    this.path = normalizePath(question === -1 ? request.path : request.path.slice(0, question));
    this.query = question === -1 ? '' : request.path.slice(question + 1);
    this.host = name.toLowerCase();
    this.port = port === undefined ? (isTls ? 443 : 80) : Number(port);
    this.sni = isTls ? this.host : undefined;
    this.headers = new HeaderList(request.headers.flat());
    if (this.headers.get('host') === undefined) this.headers.set('Host', request.host);
    this.clientAddress = request.clientAddress;
    this.peerAddress = request.clientAddress;
    this.httpVersion = request.protocol.startsWith('grpc') ? '2.0' : '1.1';
    this.#body = request.body;
    this.#bodyBytesMax = bodyBytesMax;
    if (this.#body.length > 0) this.headers.set('Content-Length', String(this.#body.length));
  }

  readBody(): Promise<Buffer> {
    if (this.#body.length <= this.#bodyBytesMax) return Promise.resolve(this.#body);
    const message = `The body is larger than request_body_max (${this.#bodyBytesMax} bytes).`;
    return Promise.reject(new RequestError('BODY_TOO_LARGE', message));
  }

  openBody(): Promise<Buffer> | null {
    return this.#body.length === 0 ? null : this.readBody();
  }

  rewriteQuery(query: string): void {
    this.query = query;
    const [path = ''] = this.target.split('?', 1);
    this.target = query === '' ? path : `${path}?${query}`;
  }

  rewriteBody(body: Buffer): void {
    this.#body = body;
    this.headers.set('Content-Length', String(body.length));
  }

  onGone(): void {
    // Nobody waits at a connection.
  }

  inform(): void {
    // There is no connection to inform.
  }
}
