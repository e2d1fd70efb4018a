import { STATUS_CODES } from 'node:http';
import { RequestError } from '../../shared/errors.ts';
import { type Logger, stackOf } from '../../shared/log.ts';
import { answerDetails } from './error-details.ts';
import type { Answer, Exchange } from './exchange.ts';

/** Returns the answer to a failed request. This is the one place where errors become answers. */
export function errorAnswer(exchange: Exchange, error: RequestError): Answer {
  const { status, code, outcome, retryable, details, detailsTotal, retryAfterSeconds, topic } = error;
  const requestId = exchange.requestId;
  const headers = ['Content-Type', 'application/json; charset=utf-8'];
  if (retryAfterSeconds !== undefined) headers.push('Retry-After', String(retryAfterSeconds));
  const body = JSON.stringify({
    message: STATUS_CODES[status] ?? 'Error',
    error: error.message,
    code,
    outcome,
    retryable,
    request_id: requestId,
    ...answerDetails(details, detailsTotal),
  });
  const result = topic === undefined ? { outcome, error } : { outcome, error, topic };
  return { status, headers, body, closeConnection: code === 'SHUTTING_DOWN', result };
}

/**
 * Returns the answer to any failure. An unexpected one is logged with its stack and answered without it. `mayHaveSent`:
 * a plugin that publishes had begun, so that its record may have been written.
 */
export function answerOfFailure(exchange: Exchange, failure: unknown, logger: Logger, mayHaveSent: boolean): Answer {
  if (failure instanceof RequestError) {
    if (failure.code === 'INTERNAL') logInternal(exchange, failure, logger);
    return errorAnswer(exchange, failure);
  }
  logInternal(exchange, failure, logger);
  const outcome = mayHaveSent ? 'unknown' : 'not_sent';
  return errorAnswer(exchange, new RequestError('INTERNAL', 'An unexpected error occurred', { outcome }));
}

/** Returns an answer that is not about a record: `{"message":…,"request_id":…}`, with Kong's message. */
export function plainAnswer(
  exchange: Exchange,
  status: number,
  message: string,
  headers: readonly string[] = [],
): Answer {
  const requestId = exchange.requestId;
  return {
    status,
    headers: ['Content-Type', 'application/json; charset=utf-8', ...headers],
    body: JSON.stringify({ message, request_id: requestId }),
  };
}

function logInternal(exchange: Exchange, failure: unknown, logger: Logger): void {
  logger.error('internal_error', 'A request failed for a fault of the node', {
    request_id: exchange.requestId,
    route: exchange.route?.name ?? exchange.route?.id,
    error: stackOf(failure),
  });
}
