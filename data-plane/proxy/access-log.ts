import { performance } from 'node:perf_hooks';
import type { Logger } from '../../shared/log.ts';
import type { Answer, Exchange } from '../plugin-api/exchange.ts';

export type AccessLogMode = 'off' | 'errors' | 'all';

/** Writes one line for a request that was answered. */
export type AccessLog = (exchange: Exchange, answer: Answer) => void;

/**
 * Returns the access log of a node; undefined when no request is logged. At level debug every request is, whatever the
 * mode. A line never holds the query, a header or a body.
 */
export function createAccessLog(mode: AccessLogMode, logger: Logger): AccessLog | undefined {
  const isDebugging = logger.enabled('debug');
  if (mode === 'off' && !isDebugging) return undefined;
  return (exchange, answer) => {
    const isWanted = mode === 'all' || (mode === 'errors' && answer.status >= 400);
    if (isWanted) logger.info('access', lineOf(exchange, answer), fieldsOf(exchange, answer));
    else if (isDebugging) logger.debug('access', lineOf(exchange, answer), fieldsOf(exchange, answer));
  };
}

function lineOf({ method, path }: Exchange, { status }: Answer): string {
  return `${method} ${path} ${status}`;
}

function fieldsOf(exchange: Exchange, { status, result }: Answer): Record<string, unknown> {
  return {
    request_id: exchange.requestId,
    method: exchange.method,
    path: exchange.path,
    status,
    outcome: result?.outcome,
    code: result?.error?.code,
    route: exchange.route?.name ?? exchange.route?.id,
    topic: result?.topic,
    client: exchange.clientAddress,
    duration_ms: performance.now() - exchange.receivedAtMs,
    trace_id: exchange.span?.traceId ?? traceIdOf(exchange.headers.get('traceparent')),
  };
}

/** W3C Trace Context, 3.2: version, trace id, parent id, flags. */
const traceparentPattern = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/;

function traceIdOf(traceparent: string | undefined): string | undefined {
  return traceparent === undefined ? undefined : traceparentPattern.exec(traceparent)?.[1];
}
