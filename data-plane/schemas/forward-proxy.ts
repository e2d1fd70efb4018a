import { request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest, type AgentOptions } from 'node:https';
import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { connect as connectTls } from 'node:tls';

/** Bound of building a tunnel, from the connection to the proxy to its answer. */
const tunnelTimeoutMs = 10_000;

/** The proxies that requests to a server may have to go through. */
export interface ProxySettings {
  /** For servers without and with TLS; null for a direct connection. */
  readonly http: ForwardProxy | null;
  readonly https: ForwardProxy | null;
  /** Hosts that are connected to directly, separated by commas; a name stands for its subdomains too, `*` for all. */
  readonly except: string | null;
}

export interface ForwardProxy {
  readonly url: string;
  /** The header `proxy-authorization`. */
  readonly authorization: string | null;
}

/** The proxy for a URL, null for none. */
export function proxyFor(url: string, { http, https, except }: ProxySettings): ForwardProxy | null {
  const { protocol, hostname } = new URL(url);
  const isDirect = (except ?? '')
    .split(',')
    .map((entry) =>
      entry
        .trim()
        .toLowerCase()
        .replace(/^\*?\./, ''),
    )
    .some((entry) => entry === '*' || (entry !== '' && (hostname === entry || hostname.endsWith(`.${entry}`))));
  if (isDirect) return null;
  return protocol === 'https:' ? https : http;
}

/** Headers for the proxy itself. */
export function proxyHeaders({ authorization }: ForwardProxy): Record<string, string> {
  return authorization === null ? {} : { 'proxy-authorization': authorization };
}

/** An agent whose connections to TLS servers are tunnels through the proxy (RFC 9110 section 9.3.6). */
export function tunnelAgent(proxy: ForwardProxy, options: AgentOptions): HttpsAgent {
  const agent = new HttpsAgent(options);
  agent.createConnection = (target, callback) => {
    const host = target.host ?? '';
    openTunnel(proxy, `${host.includes(':') ? `[${host}]` : host}:${target.port ?? 443}`).then(
      (socket) => {
        const { rejectUnauthorized = true } = options;
        const secured = connectTls({
          socket,
          rejectUnauthorized,
          ...(target.servername ? { servername: target.servername } : {}),
        });
        callback?.(null, secured);
      },
      // The callback's type asks for a stream even where there is none.
      (error: unknown) => callback?.(error instanceof Error ? error : new Error(String(error)), new PassThrough()),
    );
    return undefined;
  };
  return agent;
}

function openTunnel(proxy: ForwardProxy, authority: string): Promise<Socket> {
  const open = proxy.url.toLowerCase().startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = open(proxy.url, {
      method: 'CONNECT',
      path: authority,
      headers: { host: authority, ...proxyHeaders(proxy) },
      signal: AbortSignal.timeout(tunnelTimeoutMs),
      agent: false,
    });
    request.on('connect', (response, socket) => {
      if (response.statusCode === 200) resolve(socket);
      else {
        socket.destroy();
        reject(new Error(`the proxy answered ${response.statusCode}`));
      }
    });
    request.on('response', (response) => {
      response.destroy();
      reject(new Error(`the proxy answered ${response.statusCode}`));
    });
    request.on('error', reject);
    request.end();
  });
}
