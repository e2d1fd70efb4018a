import type { Endpoint } from '../upstreams/endpoint.ts';
import type { Choice } from '../upstreams/upstream.ts';
import type { AttemptFailure } from './http-attempt.ts';

/** Why no service answered a request, and how the client is answered. */
export interface FailedForward {
  readonly kind: 'failed';
  readonly status: number;
  readonly message: string;
  readonly target: string | undefined;
  readonly cause: string;
}

/** nginx's status for a client that went away; nobody sees it but logs and metrics. */
export const clientGoneStatus = 499;

/** The upstream has no endpoint for the request. */
export function withoutEndpoint({ reason }: Extract<Choice, { kind: 'none' }>): FailedForward {
  // Kong's words.
  const message = reason === 'not resolved' ? 'name resolution failed' : 'failure to get a peer from the ring-balancer';
  return { kind: 'failed', status: 503, message, target: undefined, cause: reason };
}

/** The last attempt failed. */
export function failedAttempt({ target }: Endpoint, { reason, error }: AttemptFailure): FailedForward {
  const isTimeout = reason === 'timeout' || reason === 'connect timeout' || reason === 'deadline';
  if (reason === 'aborted')
    return { kind: 'failed', status: clientGoneStatus, message: 'Client Closed Request', target, cause: error };
  // Kong's words.
  const message = isTimeout
    ? 'The upstream server is timing out'
    : 'An invalid response was received from the upstream server';
  return { kind: 'failed', status: isTimeout ? 504 : 502, message, target, cause: error };
}
