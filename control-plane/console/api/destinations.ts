import { get } from './client.ts';
import { numberOf, recordOf, recordsOf, textOf } from './read.ts';

/** A plugin that needs a destination. */
export interface DestinationUser {
  readonly plugin: string;
  readonly pluginName: string;
  readonly route: string | undefined;
  readonly service: string | undefined;
}

/** A cluster, topic or registry as `GET /clustering/destinations` tells it. */
export interface FleetDestination {
  readonly kind: string;
  readonly name: string;
  readonly state: string;
  readonly nodes: { readonly reachable: number; readonly unreachable: number; readonly untested: number };
  readonly errors: readonly { readonly error: string; readonly nodes: readonly string[]; readonly total: number }[];
  readonly users: readonly DestinationUser[];
  readonly usersTotal: number;
}

export async function readDestinations(signal: AbortSignal): Promise<readonly FleetDestination[]> {
  const { data } = recordOf(await get('/clustering/destinations', signal));
  return recordsOf(data).map((one) => {
    const nodes = recordOf(one['nodes']);
    const count = (name: string): number => numberOf(nodes[name]) ?? 0;
    return {
      kind: textOf(one['kind']) ?? '',
      name: textOf(one['name']) ?? '',
      state: textOf(one['state']) ?? '',
      nodes: { reachable: count('reachable'), unreachable: count('unreachable'), untested: count('untested') },
      errors: recordsOf(one['errors']).map((fault) => ({
        error: textOf(fault['error']) ?? '',
        nodes: (Array.isArray(fault['nodes']) ? fault['nodes'] : []).map(String),
        total: numberOf(fault['nodes_total']) ?? 0,
      })),
      users: recordsOf(one['used_by']).map((user) => ({
        plugin: textOf(user['plugin']) ?? '',
        pluginName: textOf(user['plugin_name']) ?? '',
        route: textOf(user['route']),
        service: textOf(user['service']),
      })),
      usersTotal: numberOf(one['used_by_total']) ?? 0,
    };
  });
}
