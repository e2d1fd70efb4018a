import type { FastifyInstance } from 'fastify';
import { type Logger, stackOf } from '../../shared/log.ts';
import { AdminError, plainError } from './admin-error.ts';

/** Turns every error into an answer. The stack of a fault of ours stands in the log only. */
export function addErrorAnswers(app: FastifyInstance, logger: Logger): void {
  app.setNotFoundHandler(() => {
    throw plainError(404, 'Not found');
  });
  app.setErrorHandler((error, request, reply) => {
    const answer = error instanceof AdminError ? error : parserError(error, request.routeOptions.bodyLimit);
    if (answer !== undefined) return reply.code(answer.status).headers(answer.headers).send(answer.body);
    logger.error('internal_error', 'An Admin API request failed', {
      method: request.method,
      // The route, not the path as it was sent: a key may stand in the path of a credential.
      path: request.routeOptions.url,
      error: stackOf(error),
    });
    return reply.code(500).send({ message: 'An unexpected error occurred' });
  });
}

/** Returns the answer to an error of fastify itself that the client caused. */
function parserError(error: unknown, bodyLimit: number): AdminError | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return plainError(413, `Payload too large: the limit is ${bodyLimit} bytes`);
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return plainError(415, 'Unsupported Content-Type');
  if (code === 'FST_ERR_CTP_INVALID_CONTENT_LENGTH')
    return plainError(400, 'The body is not as long as its Content-Length');
  return undefined;
}
