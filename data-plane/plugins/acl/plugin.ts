import { aclSchema, type AclConfig } from '../../../shared/plugin-schemas/acl.ts';
import { setOrRemove } from '../../plugin-api/authentication.ts';
import type { PluginDefinition } from '../../plugin-api/plugin-definition.ts';
import { plainAnswer } from '../../plugin-api/standard-answers.ts';

/** Lets consumers pass by the groups that they are in. */
export const acl: PluginDefinition<AclConfig> = {
  version: aclSchema.version,
  priority: aclSchema.priority,
  publishes: false,
  isTriable: true,
  create(config, { credentials }) {
    const isAllowed = compileIsAllowed(config);
    return {
      kind: 'created',
      instance: {
        access(exchange) {
          const { consumer } = exchange;
          if (consumer === undefined) return plainAnswer(exchange, 401, 'Unauthorized');
          const groups = credentials.groupsOf(consumer.id);
          if (!isAllowed(groups)) return plainAnswer(exchange, 403, 'You cannot consume this service');
          const told = config.hide_groups_header || groups.length === 0 ? null : groups.join(', ');
          setOrRemove(exchange, 'X-Consumer-Groups', told);
          return undefined;
        },
      },
    };
  },
};

/** The schema's checks say that exactly one of both lists is there. */
function compileIsAllowed({ allow, deny }: AclConfig): (groups: readonly string[]) => boolean {
  const isAllowList = allow !== null && allow.length > 0;
  const listed = new Set(isAllowList ? allow : deny);
  return (groups) => groups.some((group) => listed.has(group)) === isAllowList;
}
