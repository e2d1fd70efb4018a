import { array, boolean, element, record, string, type InferFields } from '../schema/field.ts';
import { atLeastOneOf, onlyOneOf } from '../schema/checks.ts';
import type { PluginSchema } from './plugin-schema.ts';
import { defaultOnly } from './record-checks.ts';

const group = string(element);

const fields = {
  allow: array(group, { description: 'Groups of which a consumer must be in one.' }),
  deny: array(group, { description: 'Groups of which a consumer must be in none.' }),
  hide_groups_header: boolean({
    required: true,
    default: false,
    description: 'Leaves the header X-Consumer-Groups out.',
  }),
  include_consumer_groups: boolean({
    required: true,
    default: false,
    description: 'Only false: there are no consumer groups.',
  }),
  always_use_authenticated_groups: boolean({
    required: true,
    default: false,
    description: 'Only false: groups come from acls alone.',
  }),
} as const;

export type AclConfig = InferFields<typeof fields>;

/** Lets consumers pass by the groups that they are in. */
export const aclSchema: PluginSchema<AclConfig> = {
  name: 'acl',
  version: '0.1.0',
  priority: 950,
  protocols: ['grpc', 'grpcs', 'http', 'https'],
  scopes: ['service', 'route'],
  requiredToUnderstand: true,
  config: record(fields, {
    required: true,
    checks: [
      onlyOneOf(['allow', 'deny']),
      atLeastOneOf(['allow', 'deny']),
      defaultOnly(fields, ['include_consumer_groups', 'always_use_authenticated_groups']),
    ],
  }),
};
