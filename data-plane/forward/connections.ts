import { isIP } from 'node:net';
import { Pool, type Dispatcher } from 'undici';
import type { Endpoint } from '../upstreams/endpoint.ts';

/** How a service's connections are made. */
export interface ConnectionOptions {
  readonly protocol: 'http' | 'https';
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  /** Only for https. */
  readonly tls: UpstreamTls | null;
}

export interface UpstreamTls {
  /** The certificate must verify, for this name and against these authorities (null: the system's). */
  readonly verify: boolean;
  /** null: the host name of the target. */
  readonly serverName: string | null;
  readonly authorities: readonly string[] | null;
  readonly certificate: { readonly cert: string; readonly key: string } | null;
}

/** Connections that one endpoint may have; requests beyond it wait for one of them. */
const connectionsMax = 1_024;
/** Below the usual keep-alive of servers (node:http: 5 s, nginx: 75 s), so that few requests meet a closing connection. */
const keepAliveMs = 4_000;

/** The connections of one service: a pool for each endpoint, kept for as long as the service's plan is in use. */
export class Connections {
  readonly #options: ConnectionOptions;
  readonly #pools = new Map<Endpoint, Pool>();

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  to(endpoint: Endpoint): Dispatcher {
    let pool = this.#pools.get(endpoint);
    if (pool === undefined) this.#pools.set(endpoint, (pool = newPool(endpoint, this.#options)));
    return pool;
  }

  /** Closes the pools of endpoints that are gone, each after its last request. */
  keepOnly(endpoints: ReadonlySet<Endpoint>): void {
    for (const [endpoint, pool] of this.#pools) {
      if (endpoints.has(endpoint)) continue;
      this.#pools.delete(endpoint);
      void pool.close();
    }
  }

  get size(): number {
    return this.#pools.size;
  }

  /** Closes all pools, each after its last request. */
  close(): void {
    this.keepOnly(new Set());
  }
}

function newPool({ address, port, hostname }: Endpoint, options: ConnectionOptions): Pool {
  const host = isIP(address) === 6 ? `[${address}]` : address;
  return new Pool(`${options.protocol}://${host}:${port}`, {
    connections: connectionsMax,
    pipelining: 1,
    keepAliveTimeout: keepAliveMs,
    headersTimeout: options.readTimeoutMs,
    bodyTimeout: options.readTimeoutMs,
    connect: { timeout: options.connectTimeoutMs, ...tlsOptions(options.tls, hostname) },
    // A server that offers HTTP/2 by ALPN is spoken to so.
    allowH2: options.protocol === 'https',
    // A length that is wrong ends the request; node:http has checked what the client sent.
    strictContentLength: true,
  });
}

function tlsOptions(tls: UpstreamTls | null, hostname: string): object {
  if (tls === null) return {};
  const { verify, authorities, certificate } = tls;
  const serverName = tls.serverName ?? hostname;
  return {
    rejectUnauthorized: verify,
    // An address is no server name (RFC 6066 section 3).
    ...(isIP(serverName) === 0 && { servername: serverName }),
    ...(authorities !== null && { ca: [...authorities] }),
    ...(certificate !== null && { cert: certificate.cert, key: certificate.key }),
  };
}
