import { performance } from 'node:perf_hooks';
import { Readable } from 'node:stream';
import type { Logger } from '../../shared/log.ts';
import { pacedLog } from '../../shared/paced-log.ts';
import type { Answer, Exchange } from '../plugin-api/exchange.ts';
import { HeaderList } from '../plugin-api/header-list.ts';
import { plainAnswer } from '../plugin-api/standard-answers.ts';
import type { Endpoint } from '../upstreams/endpoint.ts';
import type { Choice, Upstream } from '../upstreams/upstream.ts';
import type { Connections } from './connections.ts';
import { forwardPath } from './forward-path.ts';
import type { HashResult } from './hash-input.ts';
import { type AttemptFailure, attemptHttp, type UpstreamAnswer } from './http-attempt.ts';
import { requestHeaders } from './request-headers.ts';
import { responseHeaders } from './response-headers.ts';

/** A service as its routes use it, compiled when the configuration is applied. */
export interface ServicePlan {
  /** Name or id, for logs. */
  readonly label: string;
  readonly path: string | null;
  readonly upstream: Upstream;
  /** The Host header; null: the host that was chosen. */
  readonly hostHeader: string | null;
  /** The port that needs no mention in Host. */
  readonly defaultPort: number;
  readonly retries: number;
  readonly connectTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly connections: Connections;
  readonly hash: (exchange: Exchange) => HashResult;
}

/** The part of a route that decides how its requests are forwarded. */
export interface ForwardRoute {
  /** Characters of the path that the route matched and strips; 0: none. */
  readonly strippedLength: number;
  readonly preserveHost: boolean;
}

export interface ForwardDeps {
  readonly log: Logger;
  /** Adds Kong's X-Kong-*-Latency headers to answers. */
  readonly latencyHeaders: boolean;
}

/** Methods that may be repeated though the upstream may have seen the first attempt (RFC 9110 section 9.2.2). */
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

export type Forward = (exchange: Exchange, service: ServicePlan, route: ForwardRoute) => Promise<Answer>;

/** Creates the last stage of a request whose route has a service: it is sent there, and the answer streams back. */
export function createForward({ log, latencyHeaders }: ForwardDeps): Forward {
  const warn = pacedLog((event, message, fields) => log.warn(event, message, fields));
  return async (exchange, service, route) => {
    const forwarding = new Forwarding(exchange, service, route);
    const result = await forwarding.run();
    if (result.kind === 'answered') return toAnswer(exchange, forwarding, result, latencyHeaders);
    const { status, message, cause } = result;
    if (status !== clientGoneStatus) {
      warn('upstream_failed', 'A service did not answer a request', {
        request_id: exchange.requestId,
        service: service.label,
        target: result.target,
        error: cause,
        status,
      });
    }
    return plainAnswer(exchange, status, message);
  };
}

interface Answered {
  readonly kind: 'answered';
  readonly answer: UpstreamAnswer;
  readonly endpoint: Endpoint;
  readonly latencyMs: number;
}

interface Failed {
  readonly kind: 'failed';
  readonly status: number;
  readonly message: string;
  readonly target: string | undefined;
  readonly cause: string;
}

/** nginx's status for a client that went away; nobody sees it but logs and metrics. */
const clientGoneStatus = 499;

/** One request on its way to a service: attempts at one endpoint after the other, until one answers. */
class Forwarding {
  readonly hashed: HashResult;
  readonly #exchange: Exchange;
  readonly #service: ServicePlan;
  readonly #route: ForwardRoute;
  readonly #abort = new AbortController();
  readonly #tried = new Set<Endpoint>();

  constructor(exchange: Exchange, service: ServicePlan, route: ForwardRoute) {
    this.#exchange = exchange;
    this.#service = service;
    this.#route = route;
    this.hashed = service.hash(exchange);
    exchange.onGone(() => this.#abort.abort());
  }

  async run(): Promise<Answered | Failed> {
    const { upstream, retries, connectTimeoutMs } = this.#service;
    const body = (await this.#exchange.openBody()) ?? null;
    let choice = upstream.pick(this.hashed.hash, this.#tried);
    if (choice.kind === 'none' && choice.reason === 'not resolved') {
      await upstream.resolved(connectTimeoutMs);
      choice = upstream.pick(this.hashed.hash, this.#tried);
    }
    if (choice.kind === 'none') return unavailable(choice);
    let { endpoint } = choice;
    for (let attempt = 0; ; attempt++) {
      const result = await this.#attempt(endpoint, body);
      if (result.kind === 'answered') return result;
      const next = attempt < retries && this.#mayRetry(result.failure, body) ? this.#next() : undefined;
      if (next === undefined) return failed(endpoint, result.failure);
      endpoint = next;
    }
  }

  #next(): Endpoint | undefined {
    const choice = this.#service.upstream.pick(this.hashed.hash, this.#tried);
    return choice.kind === 'picked' ? choice.endpoint : undefined;
  }

  async #attempt(
    endpoint: Endpoint,
    body: Readable | Buffer | null,
  ): Promise<Answered | { readonly kind: 'failed'; readonly failure: AttemptFailure }> {
    const { upstream, connections, writeTimeoutMs } = this.#service;
    this.#tried.add(endpoint);
    const startMs = performance.now();
    endpoint.inFlight++;
    const done = (): void => {
      endpoint.inFlight--;
    };
    const result = await attemptHttp({
      dispatcher: connections.to(endpoint),
      method: this.#method(),
      path: this.#path(),
      headers: this.#headers(endpoint),
      body,
      writeTimeoutMs,
      signal: this.#abort.signal,
      onInformation: (status, headers) => this.#exchange.inform(status, headers),
    });
    if (result.kind === 'failed') {
      done();
      reportFailure(upstream, endpoint, result.failure);
      return result;
    }
    const nowMs = performance.now();
    const { answer } = result;
    endpoint.latency.observe(nowMs - startMs, nowMs);
    upstream.reportStatus(endpoint, answer.status);
    if (answer.body instanceof Readable) answer.body.once('close', done);
    else done();
    return { kind: 'answered', answer, endpoint, latencyMs: nowMs - startMs };
  }

  #method(): string {
    return this.#exchange.forwardAs?.method ?? this.#exchange.method;
  }

  #path(): string {
    const { path, query, forwardAs } = this.#exchange;
    const forwarded = forwardAs?.path ?? forwardPath(this.#service.path, path, this.#route.strippedLength);
    return query === '' ? forwarded : `${forwarded}?${query}`;
  }

  #headers(endpoint: Endpoint): string[] {
    const exchange = this.#exchange;
    const { strippedLength } = this.#route;
    return requestHeaders(
      {
        headers: exchange.headers,
        requestId: exchange.requestId,
        clientAddress: exchange.clientAddress,
        peerAddress: exchange.peerAddress,
        isPeerTrusted: exchange.isPeerTrusted,
        scheme: exchange.protocol === 'http' || exchange.protocol === 'grpc' ? 'http' : 'https',
        host: exchange.host,
        port: exchange.port,
        path: exchange.path,
        strippedPrefix: exchange.path.slice(0, strippedLength),
        httpVersion: exchange.httpVersion,
      },
      this.#host(endpoint),
    );
  }

  #host(endpoint: Endpoint): string {
    const { forwardAs } = this.#exchange;
    if (forwardAs?.host !== undefined) return forwardAs.host;
    const { preserveHost } = this.#route;
    const sent = this.#exchange.headers.get('host');
    if (preserveHost && sent !== undefined) return sent;
    const { hostHeader, defaultPort } = this.#service;
    if (hostHeader !== null) return hostHeader;
    const name = endpoint.hostname.includes(':') ? `[${endpoint.hostname}]` : endpoint.hostname;
    return endpoint.port === defaultPort ? name : `${name}:${endpoint.port}`;
  }

  /** A body that streamed cannot be sent again; without one, what may have arrived is repeated where that does no harm. */
  #mayRetry(failure: AttemptFailure, body: Readable | Buffer | null): boolean {
    if (failure.reason === 'aborted') return false;
    if (!failure.mayHaveReached) return true;
    return idempotent.has(this.#method()) && !(body instanceof Readable);
  }
}

function unavailable({ reason }: Extract<Choice, { kind: 'none' }>): Failed {
  // Kong's words.
  const message = reason === 'not resolved' ? 'name resolution failed' : 'failure to get a peer from the ring-balancer';
  return { kind: 'failed', status: 503, message, target: undefined, cause: reason };
}

function reportFailure(upstream: Upstream, endpoint: Endpoint, { reason, error }: AttemptFailure): void {
  if (reason === 'aborted') return;
  const isTimeout = reason === 'timeout' || reason === 'connect timeout';
  upstream.reportFailure(endpoint, isTimeout ? 'timeout' : 'tcp_failure', error);
}

function failed({ target }: Endpoint, { reason, error }: AttemptFailure): Failed {
  const isTimeout = reason === 'timeout' || reason === 'connect timeout';
  if (reason === 'aborted')
    return { kind: 'failed', status: clientGoneStatus, message: 'Client Closed Request', target, cause: error };
  // Kong's words.
  const message = isTimeout
    ? 'The upstream server is timing out'
    : 'An invalid response was received from the upstream server';
  return { kind: 'failed', status: isTimeout ? 504 : 502, message, target, cause: error };
}

function toAnswer(
  exchange: Exchange,
  { hashed }: Forwarding,
  { answer, latencyMs }: Answered,
  latencyHeaders: boolean,
): Answer {
  const headers = responseHeaders(answer.headers, exchange.httpVersion);
  if (hashed.setCookie !== undefined) headers.push('Set-Cookie', hashed.setCookie);
  exchange.upstreamLatencyMs = latencyMs;
  if (latencyHeaders) headers.push(...latencyPairs(exchange, latencyMs));
  const isHead = exchange.method === 'HEAD';
  // A plugin made it a HEAD: the length is that of a body which did not come.
  if (!isHead && exchange.forwardAs?.method === 'HEAD') {
    const list = new HeaderList(headers);
    list.remove('content-length');
    return { status: answer.status, headers: list.flat(), body: '' };
  }
  const isFramed = isHead || hasLength(answer.headers);
  return { status: answer.status, headers, body: answer.body, isFramed, trailers: () => answer.trailers() };
}

function hasLength(headers: readonly string[]): boolean {
  return headers.some((name, index) => index % 2 === 0 && name.toLowerCase() === 'content-length');
}

function latencyPairs({ receivedAtMs }: Exchange, upstreamMs: number): string[] {
  const proxyMs = performance.now() - receivedAtMs - upstreamMs;
  return [
    'X-Kong-Upstream-Latency',
    String(Math.round(upstreamMs)),
    'X-Kong-Proxy-Latency',
    String(Math.round(proxyMs)),
  ];
}
