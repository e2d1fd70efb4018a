import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

/** An answer is not read beyond this. */
const answerBytesMax = 8 * 1024 * 1024;
const socketsMax = 8;

export interface HttpClientOptions {
  /** Whether the server's certificate must be good. */
  readonly sslVerify: boolean;
  readonly keepAlive: boolean;
}

export interface HttpRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Bounds the whole exchange, from the connection to the last byte. */
  readonly timeoutMs: number;
}

export interface HttpAnswer {
  readonly status: number;
  /** Parsed JSON; undefined when the body is not JSON. */
  readonly body: unknown;
}

export interface HttpClient {
  /** @throws Error with a message that names no secret when there is no answer in time. */
  send(request: HttpRequest): Promise<HttpAnswer>;
  close(): void;
}

/**
 * Requests for JSON answers to one server. node:http rather than fetch: fetch cannot be told to accept a certificate
 * that does not verify.
 */
export function createHttpClient(baseUrl: string, { sslVerify, keepAlive }: HttpClientOptions): HttpClient {
  const isTls = baseUrl.toLowerCase().startsWith('https:');
  const agent = isTls
    ? new HttpsAgent({ keepAlive, maxSockets: socketsMax, rejectUnauthorized: sslVerify })
    : new HttpAgent({ keepAlive, maxSockets: socketsMax });
  const open = isTls ? httpsRequest : httpRequest;

  return {
    send: ({ url, method, headers, body, timeoutMs }) =>
      new Promise((resolve, reject) => {
        const fail = (error: Error): void => reject(explain(error, timeoutMs));
        const signal = AbortSignal.timeout(timeoutMs);
        const request = open(url, { agent, method, headers, signal }, (response) => {
          const chunks: Buffer[] = [];
          let bytes = 0;
          response.on('data', (chunk: Buffer) => {
            bytes += chunk.length;
            if (bytes > answerBytesMax) request.destroy(new Error(`its answer is larger than ${answerBytesMax} bytes`));
            else chunks.push(chunk);
          });
          response.on('error', fail);
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body: parseJson(chunks) }));
        });
        request.on('error', fail);
        request.end(body);
      }),
    close: () => agent.destroy(),
  };
}

function explain(error: Error, timeoutMs: number): Error {
  const timedOut = error.name === 'AbortError' || error.name === 'TimeoutError';
  return new Error(timedOut ? `no answer within ${timeoutMs} ms` : error.message, { cause: error });
}

function parseJson(chunks: readonly Buffer[]): unknown {
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    return body;
  } catch {
    // An HTML error page, for instance: the status then says all.
    return undefined;
  }
}
