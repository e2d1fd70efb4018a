import { isIP } from 'node:net';
import { atLeastOneOf } from '../schema/checks.ts';
import { element, integer, record, set, string, type InferFields } from '../schema/field.ts';
import type { PluginSchema } from './plugin-schema.ts';

const range = string({ ...element, check: checkRange });

const fields = {
  allow: set(range, { description: 'Addresses and CIDR ranges of which a client must have one.' }),
  deny: set(range, { description: 'Addresses and CIDR ranges of which a client must have none.' }),
  status: integer({ between: [100, 599], description: 'The status of refusals; 403 without it.' }),
  message: string({ description: 'The message of refusals.' }),
} as const;

export type IpRestrictionConfig = InferFields<typeof fields>;

/** An address, or `address/bits`. */
function checkRange(text: string): string | undefined {
  const [address = '', bits, ...more] = text.split('/');
  const version = isIP(address);
  const isRange = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
  return version !== 0 && isRange && more.length === 0 ? undefined : `invalid ip or cidr range: '${text}'`;
}

/** Refuses clients by their address. */
export const ipRestrictionSchema: PluginSchema<IpRestrictionConfig> = {
  name: 'ip-restriction',
  version: '0.1.0',
  priority: 990,
  protocols: ['grpc', 'grpcs', 'http', 'https'],
  scopes: ['service', 'route', 'consumer'],
  requiredToUnderstand: true,
  config: record(fields, { required: true, checks: [atLeastOneOf(['allow', 'deny'])] }),
};
