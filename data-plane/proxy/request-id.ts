import { randomBytes } from 'node:crypto';

// Random once a process, then counted: unique as long as random ids are, at the cost of an addition.
const prefix = randomBytes(10).toString('hex');
let count = 0;

/** Matches an id that a client may choose for its request; any other is replaced. */
const acceptable = /^[\w.+/=:@-]{1,128}$/;

/** 32 hexadecimal digits, unlike any other of this or another process. */
export function createRequestId(): string {
  count += 1;
  return prefix + count.toString(16).padStart(12, '0');
}

/** The client's `X-Request-Id` where it is harmless, else one of ours. */
export function requestIdFrom(header: string | undefined): string {
  return header !== undefined && acceptable.test(header) ? header : createRequestId();
}
