import type { Answer } from '../../plugin-api/exchange.ts';
import { grpcCodeOf, grpcStatus, percentEncoded } from './grpc-status.ts';
import { encodeStatusDetails } from './status-details.ts';

/** The encodings that messages may come in. */
export const acceptedEncodings = 'identity,gzip,deflate';
/** An empty message in its frame: not compressed, length 0. */
const emptyMessage = Buffer.alloc(5);

export interface GrpcAnswerOptions {
  readonly requestId: string;
  /** Messages of the call, from its first, that are acked. */
  readonly acked?: number;
  /** false: no route takes the call, so that its method is not implemented. */
  readonly hasRoute?: boolean;
}

/**
 * Turns an answer into that of a gRPC call: on success one empty message, so that a unary stub returns, else trailers
 * alone; the status, what is known of the record, and google.rpc.Status with details in the trailers.
 */
export function grpcAnswer(answer: Answer, options: GrpcAnswerOptions): Answer {
  const { result } = answer;
  const { requestId, acked } = options;
  const code = codeOf(answer, options);
  const trailers = ['grpc-status', String(code)];
  if (code !== grpcStatus.OK) trailers.push('grpc-message', percentEncoded(messageOf(answer)));
  if (result !== undefined) trailers.push(...resultTrailers(result));
  if (acked !== undefined) trailers.push('sluice-acked', String(acked));
  trailers.push('x-request-id', requestId);
  if (result?.error !== undefined) trailers.push('grpc-status-details-bin', detailsOf(result.error, code, requestId));
  const headers = ['content-type', 'application/grpc'];
  if (code === grpcStatus.OK) return { status: 200, headers, body: emptyMessage, trailers: () => trailers };
  headers.push('grpc-accept-encoding', acceptedEncodings, ...trailers);
  return { status: 200, headers, body: '', isFramed: true };
}

function codeOf({ status, result }: Answer, { hasRoute = true }: GrpcAnswerOptions): number {
  if (!hasRoute) return grpcStatus.UNIMPLEMENTED;
  return result?.outcome === 'partial' ? grpcStatus.ABORTED : grpcCodeOf(status);
}

function resultTrailers({ outcome, error, topic, partition, offset }: NonNullable<Answer['result']>): string[] {
  const trailers = ['sluice-outcome', outcome];
  if (error !== undefined) trailers.push('sluice-code', error.code, 'sluice-retryable', String(error.retryable));
  if (offset !== undefined && topic !== undefined) {
    trailers.push('sluice-topic', topic, 'sluice-partition', String(partition), 'sluice-offset', offset);
  }
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
  const metadata = { outcome, retryable: String(retryable), request_id: requestId };
  return encodeStatusDetails({ code, message, reason: error.code, metadata, details, retryAfterSeconds }).toString(
    'base64',
  );
}
