import { Agent as HttpAgent, request as httpRequest, type ClientRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { proxyHeaders, tunnelAgent, type ForwardProxy } from './forward-proxy.ts';

/** An answer is not read beyond this. */
export const answerBytesMax = 8 * 1024 * 1024;
const socketsMax = 8;

export interface HttpClientOptions {
  /** Whether the server's certificate must be good. */
  readonly sslVerify: boolean;
  readonly keepAlive: boolean;
  readonly proxy?: ForwardProxy | null;
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
  /** Redirections are answers like any other. @throws Error with a message that names no secret when there is no answer in time. */
  send(request: HttpRequest): Promise<HttpAnswer>;
  close(): void;
}

/**
 * Requests for JSON answers to one server. node:http rather than fetch: fetch cannot be told to accept a certificate
 * that does not verify.
 */
export function createHttpClient(baseUrl: string, { sslVerify, keepAlive, proxy }: HttpClientOptions): HttpClient {
  const isTls = baseUrl.toLowerCase().startsWith('https:');
  const agentOptions = { keepAlive, maxSockets: socketsMax, rejectUnauthorized: sslVerify };
  const proxyIsTls = proxy?.url.toLowerCase().startsWith('https:') === true;
  const tunnelled = isTls && proxy ? tunnelAgent(proxy, agentOptions) : undefined;
  const agent = tunnelled ?? (isTls || proxyIsTls ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions));

  function open({ url, method, headers }: HttpRequest, signal: AbortSignal): ClientRequest {
    const options = { agent, method, headers, signal };
    if (isTls) return httpsRequest(url, options);
    if (!proxy) return httpRequest(url, options);
    // A proxy is asked with the whole URL.
    const forProxy = { ...headers, host: new URL(url).host, ...proxyHeaders(proxy) };
    return (proxyIsTls ? httpsRequest : httpRequest)(proxy.url, { ...options, headers: forProxy, path: url });
  }

  /** @param isFirst Whether a kept connection that turns out to be closed is worth another try. */
  function exchange(request: HttpRequest, signal: AbortSignal, isFirst: boolean): Promise<HttpAnswer> {
    const { body, timeoutMs } = request;
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => reject(explain(error, timeoutMs));
      const sent = open(request, signal);
      let isAnswered = false;
      sent.on('response', (response) => {
        isAnswered = true;
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > answerBytesMax) sent.destroy(new Error(`its answer is larger than ${answerBytesMax} bytes`));
          else chunks.push(chunk);
        });
        response.on('error', fail);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: parseJson(chunks) }));
      });
      sent.on('error', (error) => {
        const wasClosed = 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
        if (isFirst && sent.reusedSocket && wasClosed && !isAnswered) resolve(exchange(request, signal, false));
        else fail(error);
      });
      sent.end(body);
    });
  }

  return {
    send: (request) => exchange(request, AbortSignal.timeout(request.timeoutMs), true),
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
