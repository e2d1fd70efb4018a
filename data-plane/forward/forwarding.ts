import { performance } from 'node:perf_hooks';
import { type Duplex, Readable } from 'node:stream';
import type { Exchange } from '../plugin-api/exchange.ts';
import type { Endpoint } from '../upstreams/endpoint.ts';
import type { Upstream } from '../upstreams/upstream.ts';
import { Cancellation } from './cancellation.ts';
import { type FailedForward, failedAttempt, withoutEndpoint } from './failed-forward.ts';
import { forwardPath } from './forward-path.ts';
import { attemptGrpc } from './grpc-attempt.ts';
import type { HashResult } from './hash-input.ts';
import { type AttemptFailure, type AttemptResult, attemptHttp, type UpstreamAnswer } from './http-attempt.ts';
import { ReplayBody } from './replay-body.ts';
import { requestHeaders } from './request-headers.ts';
import type { ForwardRoute, ServicePlan } from './service-plan.ts';

export type ForwardResult =
  | { readonly kind: 'answered'; readonly answer: UpstreamAnswer; readonly latencyMs: number }
  | {
      readonly kind: 'switched';
      readonly headers: readonly string[];
      readonly socket: Duplex;
      readonly latencyMs: number;
    }
  | FailedForward;

type Body = Readable | Buffer | null;

/** Methods that may be repeated though the upstream may have seen the first attempt (RFC 9110 section 9.2.2). */
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** One request on its way to a service: attempts at one endpoint after the other, until one answers. */
export class Forwarding {
  readonly hashed: HashResult;
  /** Added to the headers of the request: the trace context of the span that the attempt is. */
  traceparent: string | undefined = undefined;
  readonly #exchange: Exchange;
  readonly #service: ServicePlan;
  readonly #route: ForwardRoute;
  readonly #cancellation = new Cancellation();
  readonly #tried = new Set<Endpoint>();

  constructor(exchange: Exchange, service: ServicePlan, route: ForwardRoute) {
    this.#exchange = exchange;
    this.#service = service;
    this.#route = route;
    this.hashed = service.hash(exchange);
    exchange.onGone(() => this.#cancellation.cancel());
  }

  async run(): Promise<ForwardResult> {
    const { upstream, retries, connectTimeoutMs } = this.#service;
    const body = (await this.#exchange.openBody()) ?? null;
    let choice = upstream.pick(this.hashed.hash, this.#tried);
    if (choice.kind === 'none' && choice.reason === 'not resolved') {
      await upstream.resolved(connectTimeoutMs);
      choice = upstream.pick(this.hashed.hash, this.#tried);
    }
    if (choice.kind === 'none') return withoutEndpoint(choice);
    this.#dropOldConnections();
    const send = this.#sender(body);
    let { endpoint } = choice;
    for (let attempt = 0; ; attempt++) {
      const result = await this.#attempt(endpoint, send);
      if (result.kind !== 'failed') return result;
      const next = attempt < retries && this.#mayRetry(result.failure, body) ? this.#next() : undefined;
      if (next === undefined) return failedAttempt(endpoint, result.failure);
      endpoint = next;
    }
  }

  /** Names move to other addresses: connections to those that are gone are of no use. */
  #dropOldConnections(): void {
    const { to, upstream } = this.#service;
    const pools = to.kind === 'grpc' ? to.sessions : to.connections;
    if (pools.size > upstream.endpoints.size) pools.keepOnly(new Set(upstream.endpoints.values()));
  }

  #next(): Endpoint | undefined {
    const choice = this.#service.upstream.pick(this.hashed.hash, this.#tried);
    return choice.kind === 'picked' ? choice.endpoint : undefined;
  }

  async #attempt(
    endpoint: Endpoint,
    send: (endpoint: Endpoint) => Promise<AttemptResult>,
  ): Promise<Exclude<ForwardResult, FailedForward> | { readonly kind: 'failed'; readonly failure: AttemptFailure }> {
    const { upstream } = this.#service;
    this.#tried.add(endpoint);
    const startMs = performance.now();
    endpoint.inFlight++;
    const done = (): void => {
      endpoint.inFlight--;
    };
    const result = await send(endpoint);
    if (result.kind === 'failed') {
      done();
      reportFailure(upstream, endpoint, result.failure);
      return result;
    }
    const nowMs = performance.now();
    const latencyMs = nowMs - startMs;
    endpoint.latency.observe(latencyMs, nowMs);
    const stream = result.kind === 'switched' ? result.socket : result.answer.body;
    if (stream instanceof Readable) stream.once('close', done);
    else done();
    upstream.reportStatus(endpoint, result.kind === 'switched' ? 101 : result.answer.status);
    return { ...result, latencyMs };
  }

  /** Returns what sends the request to an endpoint, once for each attempt. */
  #sender(body: Body): (endpoint: Endpoint) => Promise<AttemptResult> {
    const { to, writeTimeoutMs, connectTimeoutMs, readTimeoutMs } = this.#service;
    const { upgrade } = this.#exchange;
    const method = this.#method();
    const path = this.#path();
    const cancellation = this.#cancellation;
    if (to.kind === 'grpc') {
      const replay = new ReplayBody(body);
      return (endpoint) =>
        attemptGrpc({
          slot: (authority) => to.sessions.to(endpoint, authority, connectTimeoutMs),
          method,
          path,
          host: this.#host(endpoint),
          headers: this.#headers(endpoint),
          body: replay,
          idleMs: readTimeoutMs,
          deadlineMs: this.#exchange.deadlineMs,
          cancellation,
        });
    }
    const { connections } = to;
    return (endpoint) =>
      attemptHttp({
        dispatcher: upgrade === undefined ? connections.to(endpoint) : connections.forUpgrades(endpoint),
        method,
        path,
        headers: this.#headers(endpoint),
        body,
        upgrade,
        writeTimeoutMs,
        cancellation,
        onInformation: (status, headers) => this.#exchange.inform(status, headers),
      });
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
        traceparent: this.traceparent,
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
  #mayRetry(failure: AttemptFailure, body: Body): boolean {
    if (failure.reason === 'aborted' || failure.reason === 'deadline') return false;
    if (!failure.mayHaveReached) return true;
    return idempotent.has(this.#method()) && !(body instanceof Readable);
  }
}

function reportFailure(upstream: Upstream, endpoint: Endpoint, { reason, error }: AttemptFailure): void {
  if (reason === 'aborted' || reason === 'deadline') return;
  const isTimeout = reason === 'timeout' || reason === 'connect timeout';
  upstream.reportFailure(endpoint, isTimeout ? 'timeout' : 'tcp_failure', error);
}
