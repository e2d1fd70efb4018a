import { isIP } from 'node:net';
import { checkServerIdentity, type DetailedPeerCertificate } from 'node:tls';
import { Pool, type Dispatcher } from 'undici';
import type { Endpoint } from '../upstreams/endpoint.ts';

/**
 * How a service's connections are made. The server name of the handshake is that of the request's Host header, as in Kong:
 * undici takes it from there, and opens another connection for another name.
 */
export interface ConnectionOptions {
  readonly protocol: 'http' | 'https';
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  /** Only for https. */
  readonly tls: UpstreamTls | null;
}

export interface UpstreamTls {
  /** The certificate must verify, for the name of the Host header and against the authorities (null: the system's). */
  readonly verify: boolean;
  /** Intermediate certificates that the chain may have; null: any number. */
  readonly depthMax: number | null;
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
  /** Pools that speak HTTP/1.1 alone, where the others may speak HTTP/2, which knows no upgrade. */
  readonly #upgradePools = new Map<Endpoint, Pool>();

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  to(endpoint: Endpoint): Dispatcher {
    return poolOf(this.#pools, endpoint, this.#options, this.#options.protocol === 'https');
  }

  /** Connections that an endpoint may switch to another protocol. */
  forUpgrades(endpoint: Endpoint): Dispatcher {
    if (this.#options.protocol === 'http') return this.to(endpoint);
    return poolOf(this.#upgradePools, endpoint, this.#options, false);
  }

  /** Closes the pools of endpoints that are gone, each after its last request. */
  keepOnly(endpoints: ReadonlySet<Endpoint>): void {
    for (const pools of [this.#pools, this.#upgradePools]) {
      for (const [endpoint, pool] of pools) {
        if (endpoints.has(endpoint)) continue;
        pools.delete(endpoint);
        void pool.close();
      }
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

function poolOf(
  pools: Map<Endpoint, Pool>,
  endpoint: Endpoint,
  options: ConnectionOptions,
  allowH2: boolean,
): Dispatcher {
  let pool = pools.get(endpoint);
  if (pool === undefined) pools.set(endpoint, (pool = newPool(endpoint, options, allowH2)));
  return pool;
}

function newPool({ address, port }: Endpoint, options: ConnectionOptions, allowH2: boolean): Pool {
  const host = isIP(address) === 6 ? `[${address}]` : address;
  return new Pool(`${options.protocol}://${host}:${port}`, {
    connections: connectionsMax,
    pipelining: 1,
    keepAliveTimeout: keepAliveMs,
    headersTimeout: options.readTimeoutMs,
    bodyTimeout: options.readTimeoutMs,
    connect: { timeout: options.connectTimeoutMs, ...tlsOptions(options.tls) },
    // A server that offers HTTP/2 by ALPN is spoken to so.
    allowH2,
    // A length that is wrong ends the request; node:http has checked what the client sent.
    strictContentLength: true,
  });
}

export function tlsOptions(tls: UpstreamTls | null): object {
  if (tls === null) return {};
  const { verify, depthMax, authorities, certificate } = tls;
  return {
    rejectUnauthorized: verify,
    checkServerIdentity: (name: string, leaf: DetailedPeerCertificate) =>
      checkServerIdentity(name, leaf) ?? depthFault(leaf, depthMax),
    ...(authorities !== null && { ca: [...authorities] }),
    ...(certificate !== null && { cert: certificate.cert, key: certificate.key }),
  };
}

/** Returns an error when a verified chain has more certificates between the server's and the root than are allowed. */
function depthFault(leaf: DetailedPeerCertificate, depthMax: number | null): Error | undefined {
  if (depthMax === null) return undefined;
  let depth = -1;
  // A root is its own issuer.
  for (let of = leaf; of.issuerCertificate !== undefined && of.issuerCertificate !== of; of = of.issuerCertificate)
    depth++;
  return depth > depthMax ? new Error(`the certificate chain is deeper than tls_verify_depth ${depthMax}`) : undefined;
}
