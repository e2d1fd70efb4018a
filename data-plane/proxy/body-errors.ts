import { RequestError } from '../../shared/errors.ts';

export function bodyTooLarge(bytesMax: number): RequestError {
  return new RequestError(
    'BODY_TOO_LARGE',
    `The body is larger than the limit of ${bytesMax} bytes (request_body_max)`,
    {
      details: [{ limit: bytesMax, unit: 'bytes' }],
    },
  );
}

export function bodyBrokenOff(): RequestError {
  return new RequestError('BODY_INVALID', 'The client broke off before the body was complete');
}

export function bodiesFull(): RequestError {
  return new RequestError(
    'PRODUCER_OVERLOADED',
    'The node holds as many unfinished bodies as it may (request_bodies_max)',
  );
}
