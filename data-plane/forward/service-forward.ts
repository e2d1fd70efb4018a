import { performance } from 'node:perf_hooks';
import { Readable } from 'node:stream';
import type { Logger } from '../../shared/log.ts';
import { pacedLog } from '../../shared/paced-log.ts';
import type { Answer, Exchange } from '../plugin-api/exchange.ts';
import { HeaderList } from '../plugin-api/header-list.ts';
import { plainAnswer } from '../plugin-api/standard-answers.ts';
import { clientGoneStatus, type FailedForward } from './failed-forward.ts';
import { Forwarding, type ForwardResult } from './forwarding.ts';
import { responseHeaders } from './response-headers.ts';
import type { ForwardRoute, ServicePlan } from './service-plan.ts';
import type { Upgrades } from './upgrades.ts';

/** Hears how requests to services ended. `service`: name or id. */
export interface ForwardMetrics {
  /** `seconds`: from the request to the head of the answer. */
  answered(service: string, seconds: number): void;
  failed(service: string, status: number): void;
}

export interface ForwardDeps {
  readonly log: Logger;
  readonly upgrades: Upgrades;
  readonly metrics: ForwardMetrics;
  /** Adds Kong's X-Kong-*-Latency headers to answers. */
  readonly latencyHeaders: boolean;
}

export type Forward = (exchange: Exchange, service: ServicePlan, route: ForwardRoute) => Promise<Answer>;

type Answered = Extract<ForwardResult, { kind: 'answered' }>;
type Switched = Extract<ForwardResult, { kind: 'switched' }>;

/** Creates the last stage of a request whose route has a service: it is sent there, and the answer streams back. */
export function createForward({ log, upgrades, metrics, latencyHeaders }: ForwardDeps): Forward {
  const warn = pacedLog((event, message, fields) => log.warn(event, message, fields));

  async function forward(exchange: Exchange, service: ServicePlan, route: ForwardRoute): Promise<Answer> {
    const forwarding = new Forwarding(exchange, service, route);
    const span = exchange.span?.forward(service.label);
    forwarding.traceparent = span?.traceparent;
    const result = await forwarding.run();
    if (result.kind === 'failed') {
      span?.end(result.status, result.cause);
      metrics.failed(service.label, result.status);
      if (result.status !== clientGoneStatus) warn('upstream_failed', ...described(exchange, service, result));
      return plainAnswer(exchange, result.status, result.message);
    }
    const status = result.kind === 'switched' ? 101 : result.answer.status;
    span?.end(status);
    metrics.answered(service.label, result.latencyMs / 1_000);
    exchange.upstreamLatencyMs = result.latencyMs;
    const latencies = latencyHeaders ? latencyPairs(exchange, result.latencyMs) : [];
    return result.kind === 'switched'
      ? toSwitched(exchange, result, service.readTimeoutMs, latencies)
      : toAnswer(exchange, service, { result, forwarding, latencies });
  }

  return async (exchange, service, route) => {
    if (exchange.upgrade === undefined) return forward(exchange, service, route);
    if (!upgrades.take()) return plainAnswer(exchange, 503, 'too many switched connections (upgrades_max)');
    const answer = await forward(exchange, service, route).catch((error: unknown) => {
      upgrades.give();
      throw error;
    });
    if (answer.tunnel === undefined) upgrades.give();
    else {
      upgrades.countSwitched();
      answer.tunnel.socket.once('close', () => upgrades.give());
    }
    return answer;
  };
}

function described(
  exchange: Exchange,
  service: ServicePlan,
  { target, cause, status }: FailedForward,
): [message: string, fields: Record<string, unknown>] {
  const fields = { request_id: exchange.requestId, service: service.label, target, error: cause, status };
  return ['A service did not answer a request', fields];
}

function toAnswer(
  exchange: Exchange,
  { to }: ServicePlan,
  {
    result: { answer },
    forwarding: { hashed },
    latencies,
  }: { readonly result: Answered; readonly forwarding: Forwarding; readonly latencies: readonly string[] },
): Answer {
  const { status, body } = answer;
  const isHead = exchange.method === 'HEAD';
  const isFramed = isHead || to.kind === 'grpc' || hasLength(answer.headers);
  // HTTP/1.1 has trailers behind chunks alone.
  const mayTrail = body instanceof Readable && (!isFramed || exchange.httpVersion === '2.0');
  const headers = responseHeaders(answer.headers, exchange.httpVersion, mayTrail);
  if (hashed.setCookie !== undefined) headers.push('Set-Cookie', hashed.setCookie);
  headers.push(...latencies);
  // A plugin made it a HEAD: the length is that of a body which did not come.
  if (!isHead && exchange.forwardAs?.method === 'HEAD') {
    const list = new HeaderList(headers);
    list.remove('content-length');
    return { status, headers: list.flat(), body: '' };
  }
  return { status, headers, body, isFramed, ...(mayTrail && { trailers: () => answer.trailers() }) };
}

function toSwitched(
  exchange: Exchange,
  { headers: received, socket }: Switched,
  idleMs: number,
  latencies: readonly string[],
): Answer {
  const headers = responseHeaders(received, exchange.httpVersion, false);
  // They belong to this connection too: it is switched like that to the service.
  headers.push('Connection', 'Upgrade', 'Upgrade', valueOf(received, 'upgrade') ?? exchange.upgrade ?? '');
  headers.push(...latencies);
  return { status: 101, headers, body: '', isFramed: true, tunnel: { socket, idleMs } };
}

function hasLength(headers: readonly string[]): boolean {
  return valueOf(headers, 'content-length') !== undefined;
}

/** Returns the first value of a header of a flat list; `name` in lower case. */
function valueOf(headers: readonly string[], name: string): string | undefined {
  const at = headers.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === name);
  return at === -1 ? undefined : headers[at + 1];
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
