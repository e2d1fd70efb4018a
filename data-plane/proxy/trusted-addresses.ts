import { BlockList, isIP } from 'node:net';

/** Tells whose `X-Forwarded-*` headers are believed. */
export interface TrustedAddresses {
  readonly isEmpty: boolean;
  has(address: string): boolean;
}

/** From addresses and CIDRs (setting trusted_ips), already checked when the settings were read. @throws on a malformed one. */
export function createTrustedAddresses(cidrs: readonly string[]): TrustedAddresses {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', bits] = cidr.split('/');
    const family = familyOf(address);
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return {
    isEmpty: cidrs.length === 0,
    has: (address) => isIP(address) !== 0 && list.check(address, familyOf(address)),
  };
}

/** The client behind trusted proxies: the last address of X-Forwarded-For that is not itself trusted. */
export function clientBehind(trusted: TrustedAddresses, peer: string, forwardedFor: readonly string[]): string {
  const hops = forwardedFor.join(',').split(',');
  let client = peer;
  for (let index = hops.length - 1; index >= 0 && trusted.has(client); index -= 1) {
    const hop = unmapped((hops[index] ?? '').trim());
    if (isIP(hop) === 0) break;
    client = hop;
  }
  return client;
}

/** IPv4 addresses of a dual-stack socket in their usual form. */
export function unmapped(address: string): string {
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
