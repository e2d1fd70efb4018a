import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { RegistrySettings } from './encoder.ts';

/** An answer of a registry is not read beyond this. */
const answerBytesMax = 8 * 1024 * 1024;
const socketsMax = 8;

export interface RegistryAnswer {
  readonly status: number;
  /** Parsed JSON; undefined when the body is not JSON. */
  readonly body: unknown;
}

export interface RegistryHttp {
  /** @throws Error with a message that names no secret when there is no answer in time. */
  get(path: string, timeoutMs: number): Promise<RegistryAnswer>;
  close(): void;
}

/** GET on a registry. node:http rather than fetch: fetch cannot be told to accept a certificate that does not verify. */
export function createRegistryHttp(settings: RegistrySettings): RegistryHttp {
  const base = settings.url.replace(/\/+$/, '');
  const isTls = base.toLowerCase().startsWith('https:');
  const agent = isTls
    ? new HttpsAgent({ keepAlive: true, maxSockets: socketsMax, rejectUnauthorized: settings.sslVerify })
    : new HttpAgent({ keepAlive: true, maxSockets: socketsMax });
  const send = isTls ? httpsRequest : httpRequest;
  const headers: Record<string, string> = {
    accept: 'application/vnd.schemaregistry.v1+json, application/json',
    ...settings.headers,
  };
  const { authentication } = settings;
  if (authentication.mode === 'basic') {
    const pair = `${authentication.username}:${authentication.password}`;
    headers['authorization'] = `Basic ${Buffer.from(pair, 'utf8').toString('base64')}`;
  }

  return {
    get: (path, timeoutMs) =>
      new Promise((resolve, reject) => {
        // The signal bounds the whole exchange, from the connection to the last byte.
        const request = send(base + path, { agent, headers, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
          const chunks: Buffer[] = [];
          let bytes = 0;
          response.on('data', (chunk: Buffer) => {
            bytes += chunk.length;
            if (bytes > answerBytesMax) request.destroy(new Error(`its answer is larger than ${answerBytesMax} bytes`));
            else chunks.push(chunk);
          });
          response.on('error', (error) => reject(explain(error, timeoutMs)));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body: parseJson(chunks) }));
        });
        request.on('error', (error) => reject(explain(error, timeoutMs)));
        request.end();
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
