import { Readable } from 'node:stream';
import type { Answer, Exchange } from '../../plugin-api/exchange.ts';
import { isConnectionHeader } from '../http2-fields.ts';
import { isGrpcType } from './grpc-type.ts';
import { grpcCodeOf, grpcStatus, percentEncoded } from './grpc-status.ts';
import { encodeStatusDetails } from './status-details.ts';

/** The encodings that messages may come in. */
export const acceptedEncodings = 'identity,gzip,deflate';
/** An empty message in its frame: not compressed, length 0. */
const emptyMessage = Buffer.alloc(5);

/** Headers of an answer that say what its body is, which a call does not show. */
const bodyHeaders: ReadonlySet<string> = new Set(['content-type', 'content-length', 'content-encoding']);

/**
 * Turns an answer into that of a gRPC call: on success one empty message, so that a unary stub returns, else trailers
 * alone; the status, what is known of the record, and google.rpc.Status with details in the trailers. An answer that is
 * one of gRPC already, such as a service's, goes on as it is.
 */
export function grpcAnswer(answer: Answer, { requestId, route }: Pick<Exchange, 'requestId' | 'route'>): Answer {
  const { result } = answer;
  const headers = ['content-type', 'application/grpc'];
  for (let index = 0; index + 1 < answer.headers.length; index += 2) {
    const name = (answer.headers[index] ?? '').toLowerCase();
    const value = answer.headers[index + 1] ?? '';
    if (name === 'content-type' && isGrpcType(value)) return answer;
    if (!bodyHeaders.has(name) && !isConnectionHeader(name)) headers.push(name, value);
  }
  if (answer.body instanceof Readable) answer.body.destroy();
  // Without a route there is no such method.
  const code = answer.status === 404 && route === undefined ? grpcStatus.UNIMPLEMENTED : codeOf(answer);
  const trailers = ['grpc-status', String(code)];
  if (code !== grpcStatus.OK) trailers.push('grpc-message', percentEncoded(messageOf(answer)));
  if (result !== undefined) trailers.push(...resultTrailers(result));
  trailers.push('x-request-id', requestId);
  if (result?.error !== undefined) trailers.push('grpc-status-details-bin', detailsOf(result.error, code, requestId));
  if (code === grpcStatus.OK) {
    return { status: 200, headers, body: emptyMessage, isFramed: true, trailers: () => trailers };
  }
  headers.push('grpc-accept-encoding', acceptedEncodings, ...trailers);
  return { status: 200, headers, body: '', isFramed: true };
}

function codeOf({ status, result }: Answer): number {
  return result?.outcome === 'partial' ? grpcStatus.ABORTED : grpcCodeOf(status);
}

function resultTrailers(result: NonNullable<Answer['result']>): string[] {
  const { outcome, error, topic, partition, offset, acked, accepted } = result;
  const trailers = ['sluice-outcome', outcome];
  if (error !== undefined) trailers.push('sluice-code', error.code, 'sluice-retryable', String(error.retryable));
  if (offset !== undefined && topic !== undefined) {
    trailers.push('sluice-topic', topic, 'sluice-partition', String(partition), 'sluice-offset', offset);
  }
  if (acked !== undefined) trailers.push('sluice-acked', String(acked));
  if (accepted !== undefined) trailers.push('sluice-accepted', String(accepted));
  return trailers;
}

/** Returns the sentence of an answer: that of its error, else `message` of its body. */
function messageOf({ result, body }: Answer): string {
  if (result?.error !== undefined) return result.error.message;
  if (typeof body !== 'string') return '';
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === 'object' && parsed !== null && 'message' in parsed) return String(parsed.message);
  } catch {
    // Another plugin's text, which is told as it is.
  }
  return body;
}

function detailsOf(
  error: NonNullable<NonNullable<Answer['result']>['error']>,
  code: number,
  requestId: string,
): string {
  const { message, outcome, retryable, details = [], retryAfterSeconds } = error;
  const { limit, unit } = details[0] ?? {};
  const metadata = {
    outcome,
    retryable: String(retryable),
    request_id: requestId,
    ...(limit !== undefined && { limit: String(limit) }),
    ...(unit !== undefined && { unit }),
  };
  return encodeStatusDetails({ code, message, reason: error.code, metadata, details, retryAfterSeconds }).toString(
    'base64',
  );
}
