import { isIP } from 'node:net';
import { Pool, type Dispatcher } from 'undici';
import { CountedLeases, type Lease } from '../../shared/counted-leases.ts';

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
  readonly serverName: string;
  readonly authorities: readonly string[] | null;
  readonly certificate: { readonly cert: string; readonly key: string } | null;
}

export interface Address {
  readonly address: string;
  readonly port: number;
}

/** Connections that one endpoint may have; requests beyond it wait for one of them. */
const connectionsMax = 1_024;
/** Below the usual keep-alive of servers (node:http: 5 s, nginx: 75 s), so that few requests meet a closing connection. */
const keepAliveMs = 4_000;

/**
 * Keeps a pool of connections for each endpoint and each way to connect to it. Services with the same options share
 * pools; a pool is closed after its last holder.
 */
export class Connections {
  readonly #pools = new CountedLeases<string, Pool>((pool) => void pool.close());

  /** Takes a share in the pool of an endpoint. */
  acquire(address: Address, options: ConnectionOptions): Lease<Dispatcher> {
    return this.#pools.acquire(JSON.stringify([address.address, address.port, options]), () =>
      newPool(address, options),
    );
  }

  get size(): number {
    return this.#pools.size;
  }

  async close(): Promise<void> {
    await Promise.all(this.#pools.clear().map((pool) => pool.destroy()));
  }
}

function newPool({ address, port }: Address, options: ConnectionOptions): Pool {
  const host = isIP(address) === 6 ? `[${address}]` : address;
  return new Pool(`${options.protocol}://${host}:${port}`, {
    connections: connectionsMax,
    pipelining: 1,
    keepAliveTimeout: keepAliveMs,
    headersTimeout: options.readTimeoutMs,
    bodyTimeout: options.readTimeoutMs,
    connect: { timeout: options.connectTimeoutMs, ...tlsOptions(options.tls) },
    // A server that offers HTTP/2 by ALPN is spoken to so.
    allowH2: options.protocol === 'https',
    // A length that is wrong ends the request; node:http has checked what the client sent.
    strictContentLength: true,
  });
}

function tlsOptions(tls: UpstreamTls | null): object {
  if (tls === null) return {};
  const { verify, serverName, authorities, certificate } = tls;
  return {
    rejectUnauthorized: verify,
    // An address is no server name (RFC 6066 section 3).
    ...(isIP(serverName) === 0 && { servername: serverName }),
    ...(authorities !== null && { ca: [...authorities] }),
    ...(certificate !== null && { cert: certificate.cert, key: certificate.key }),
  };
}
