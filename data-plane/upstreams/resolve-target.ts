import { lookup, Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';

/** One address of a name; `weight` is that of an SRV record, undefined where the target's own counts. */
export interface ResolvedAddress {
  readonly address: string;
  readonly port: number;
  readonly weight?: number;
}

export interface Resolution {
  readonly addresses: readonly ResolvedAddress[];
  /** How long it holds; Infinity for addresses that were given as such. */
  readonly ttlMs: number;
}

export interface ResolveOptions {
  /** `address:port` of name servers; the system's by default. */
  readonly nameServers?: readonly string[];
  readonly timeoutMs?: number;
}

/** Bounds of a time to live: a record with 0 would be asked for at each request, one with a day would hide a move. */
const ttlMinMs = 1_000;
const ttlMaxMs = 60_000;
/** For names that the hosts file or another source without a time to live knows. */
const ttlUnknownMs = 10_000;
const timeoutDefaultMs = 2_000;

/**
 * Resolves a host to its addresses: SRV for names in the form of RFC 2782 (`_service._protocol.name`), else A and AAAA by
 * DNS, else what the system knows (hosts file). @throws the resolver's error when nothing knows the name.
 */
export function createTargetResolver(
  options: ResolveOptions = {},
): (host: string, port: number) => Promise<Resolution> {
  const resolver = new Resolver({ timeout: options.timeoutMs ?? timeoutDefaultMs, tries: 2 });
  if (options.nameServers !== undefined) resolver.setServers([...options.nameServers]);

  async function addressesOf(host: string, port: number): Promise<Resolution> {
    if (isIP(host) !== 0) return { addresses: [{ address: host, port }], ttlMs: Infinity };
    // Names without a dot are names of the machine or of a container network: the system knows them better.
    if (!host.includes('.')) return bySystem(host, port);
    const [v4, v6] = await Promise.allSettled([
      resolver.resolve4(host, { ttl: true }),
      resolver.resolve6(host, { ttl: true }),
    ]);
    const records = [v4, v6].flatMap((found) => (found.status === 'fulfilled' ? found.value : []));
    if (records.length === 0) return bySystem(host, port);
    const addresses = records.map(({ address }) => ({ address, port }));
    return { addresses, ttlMs: bounded(Math.min(...records.map(({ ttl }) => ttl))) };
  }

  async function byService(name: string): Promise<Resolution> {
    const records = await resolver.resolveSrv(name);
    const lowest = Math.min(...records.map(({ priority }) => priority));
    const chosen = records.filter(({ priority }) => priority === lowest);
    const resolved = await Promise.all(chosen.map((record) => addressesOf(record.name, record.port)));
    return {
      addresses: resolved.flatMap(({ addresses }, index) =>
        addresses.map((found) => ({ ...found, weight: chosen[index]?.weight ?? 1 })),
      ),
      ttlMs: Math.min(ttlUnknownMs, ...resolved.map(({ ttlMs }) => ttlMs)),
    };
  }

  return (host, port) => (host.startsWith('_') ? byService(host) : addressesOf(host, port));
}

async function bySystem(host: string, port: number): Promise<Resolution> {
  const found = await lookup(host, { all: true });
  return { addresses: found.map(({ address }) => ({ address, port })), ttlMs: ttlUnknownMs };
}

function bounded(ttlSeconds: number): number {
  return Math.min(ttlMaxMs, Math.max(ttlMinMs, ttlSeconds * 1_000));
}
