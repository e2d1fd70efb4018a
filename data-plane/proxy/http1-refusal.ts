import { STATUS_CODES } from 'node:http';
import { createRequestId } from './request-id.ts';

const contentType = 'application/json; charset=utf-8';

/** The answer to something that cannot be served as a request. It ends the connection. */
export interface Refusal {
  /** Flat list of names and values. */
  readonly headers: string[];
  readonly body: string;
}

export function refusalOf(status: number, more: readonly string[] = []): Refusal {
  const requestId = createRequestId();
  const body = JSON.stringify({ message: STATUS_CODES[status], request_id: requestId });
  return {
    headers: [
      'Content-Type',
      contentType,
      'Content-Length',
      String(body.length),
      'X-Request-Id',
      requestId,
      'Connection',
      'close',
      ...more,
    ],
    body,
  };
}

/** Returns the refusal as the bytes of an HTTP/1.1 response, for a connection that has none. */
export function rawRefusal(status: number, more?: readonly string[]): string {
  const { headers, body } = refusalOf(status, more);
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, `Date: ${new Date().toUTCString()}`];
  for (let index = 0; index < headers.length; index += 2) lines.push(`${headers[index]}: ${headers[index + 1]}`);
  return [...lines, '', body].join('\r\n');
}
