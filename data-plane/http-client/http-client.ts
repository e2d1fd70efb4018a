import { Pool, ProxyAgent, type Dispatcher } from 'undici';
import type { ForwardProxy } from './forward-proxy.ts';

/** An answer is not read beyond this size where the options set no other. */
export const defaultAnswerBytesMax = 8 * 1024 * 1024;
const connectionsMax = 8;
/** Bounds the time to a proxy's answer to CONNECT. */
const tunnelTimeoutMs = 10_000;

export interface HttpClientOptions {
  /** Whether the server's certificate must verify. */
  readonly sslVerify: boolean;
  readonly keepAlive: boolean;
  readonly proxy?: ForwardProxy | null;
  readonly answerBytesMax?: number;
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
  /** Sends a request; a redirection is an answer like any other. @throws Error that names no secret when no answer comes in time. */
  send(request: HttpRequest): Promise<HttpAnswer>;
  close(): void;
}

/** The way that requests take: directly, through a tunnel, or to a proxy in absolute form (RFC 9112 section 3.2.2). */
interface Way {
  readonly dispatcher: Dispatcher;
  readonly pathOf: (url: URL) => string;
  readonly headersFor: (url: URL) => Readonly<Record<string, string>>;
}

/** Creates a client for JSON answers from one server. */
export function createHttpClient(baseUrl: string, options: HttpClientOptions): HttpClient {
  const base = new URL(baseUrl);
  const { dispatcher, pathOf, headersFor } = wayTo(base, options);
  const { keepAlive, answerBytesMax = defaultAnswerBytesMax } = options;
  let hasAnswered = false;

  async function exchange(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const { method, headers, body } = request;
    const url = new URL(request.url);
    const answer = await dispatcher.request({
      origin: url.origin,
      path: pathOf(url),
      method,
      headers: { ...headersFor(url), ...headers },
      body: body ?? null,
      signal,
      reset: !keepAlive,
    });
    const text = await readText(answer.body, answerBytesMax);
    hasAnswered = true;
    return { status: answer.statusCode, body: parseJson(text) };
  }

  return {
    async send(request) {
      const signal = AbortSignal.timeout(request.timeoutMs);
      const mayBeKept = keepAlive && hasAnswered;
      try {
        return await exchange(request, signal);
      } catch (error) {
        // The server may have closed a kept connection while the request was on its way.
        if (!mayBeKept || !wasClosed(error)) throw explain(error, request.timeoutMs);
      }
      return exchange(request, signal).catch((error: unknown) => {
        throw explain(error, request.timeoutMs);
      });
    },
    close: () => void dispatcher.destroy(),
  };
}

function wayTo(base: URL, { sslVerify, proxy }: HttpClientOptions): Way {
  const pathOf = (url: URL): string => url.pathname + url.search;
  const connections = connectionsMax;
  // The request's own signal is the bound.
  const limits = { connections, headersTimeout: 0, bodyTimeout: 0 };
  const tls = { rejectUnauthorized: sslVerify };
  if (!proxy) {
    return { dispatcher: new Pool(base.origin, { ...limits, connect: tls }), pathOf, headersFor: credentialsIn };
  }
  if (base.protocol === 'https:') {
    const dispatcher = new ProxyAgent({
      ...limits,
      uri: proxy.url,
      requestTls: tls,
      ...(proxy.authorization === null ? {} : { token: proxy.authorization }),
      clientFactory: (origin, options) =>
        new Pool(origin, { ...options, connections, headersTimeout: tunnelTimeoutMs }),
    });
    return { dispatcher, pathOf, headersFor: credentialsIn };
  }
  // Not by ProxyAgent, which tunnels such requests where the proxy itself speaks TLS.
  const forProxy = proxyHeaders(proxy);
  return {
    dispatcher: new Pool(new URL(proxy.url).origin, limits),
    pathOf: (url) => url.origin + pathOf(url),
    headersFor: (url) => ({ host: url.host, ...credentialsIn(url), ...forProxy }),
  };
}

function proxyHeaders({ url, authorization }: ForwardProxy): Readonly<Record<string, string>> {
  const value = authorization ?? credentialsIn(new URL(url))['authorization'];
  return value === undefined ? {} : { 'proxy-authorization': value };
}

/** Returns the header for credentials that stand in a URL (RFC 3986 section 3.2.1). */
function credentialsIn({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === '' && password === '') return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

async function readText(body: AsyncIterable<Buffer>, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    // Leaving the loop destroys the body and its connection.
    if (bytes > bytesMax) throw new Error(`its answer is larger than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const closedCodes: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

function wasClosed(error: unknown): boolean {
  return error instanceof Error && 'code' in error && closedCodes.has(error.code);
}

function explain(error: unknown, timeoutMs: number): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  if (error.name === 'AbortError' || error.name === 'TimeoutError') {
    // A refused tunnel bears the name AbortError too.
    const refused = /^Proxy response \((\d+)\)/.exec(error.message)?.[1];
    const message = refused === undefined ? `no answer within ${timeoutMs} ms` : `the proxy answered ${refused}`;
    return new Error(message, { cause: error });
  }
  // An attempt on several addresses fails without a message of its own.
  const code = 'code' in error ? String(error.code) : error.name;
  return new Error(error.message === '' ? code : error.message, { cause: error });
}

function parseJson(text: string): unknown {
  try {
    const body: unknown = JSON.parse(text);
    return body;
  } catch {
    // An HTML error page, for instance: the status then says all.
    return undefined;
  }
}
