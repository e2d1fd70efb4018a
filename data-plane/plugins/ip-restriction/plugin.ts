import { BlockList, isIP } from 'node:net';
import { ipRestrictionSchema, type IpRestrictionConfig } from '../../../shared/plugin-schemas/ip-restriction.ts';
import type { PluginDefinition } from '../../plugin-api/plugin-definition.ts';
import { plainAnswer } from '../../plugin-api/standard-answers.ts';

/** Refuses clients whose address is denied, or is not among those that are allowed. */
export const ipRestriction: PluginDefinition<IpRestrictionConfig> = {
  version: ipRestrictionSchema.version,
  priority: ipRestrictionSchema.priority,
  publishes: false,
  isTriable: true,
  create({ allow, deny, status, message }) {
    const denied = rangesOf(deny ?? []);
    const allowed = allow === null || allow.length === 0 ? undefined : rangesOf(allow);
    return {
      kind: 'created',
      instance: {
        access(exchange) {
          const address = exchange.clientAddress;
          if (!denied(address) && (allowed === undefined || allowed(address))) return undefined;
          return plainAnswer(exchange, status ?? 403, message ?? `IP address not allowed: ${address}`);
        },
      },
    };
  },
};

/** Compiles ranges into a test. What is no address is in none. */
function rangesOf(ranges: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', bits] = range.split('/');
    const family = familyOf(address);
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (address) => isIP(address) !== 0 && list.check(address, familyOf(address));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}
