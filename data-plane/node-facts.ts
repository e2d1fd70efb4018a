import type { NodeOptions } from './node-options.ts';
import type { NodeParts } from './node-parts.ts';
import type { NodeSource } from './source/node-source.ts';
import type { WorkerFacts } from './workers/messages.ts';

/** Schemas that `/status` lists. */
const unusableSchemasMax = 100;

/** Gathers what this process knows of the node: all of it, or the part of one worker. */
export function nodeFacts(parts: NodeParts): WorkerFacts {
  const { producers, requestMetrics, clusterNaming, listeners, upstreams } = parts;
  const { encoders } = parts.pluginDeps;
  return {
    requestsTotal: requestMetrics.total(),
    clusters: producers.clusters(),
    destinations: [...producers.destinations(), ...encoders.destinations()],
    targets: upstreams.states(),
    unusableSchemas: encoders.unusable().slice(0, unusableSchemasMax),
    warnings: clusterNaming.warnings(),
    connections: {
      accepted: listeners.reduce((sum, { connections }) => sum + connections.accepted, 0),
      active: listeners.reduce((sum, { connections }) => sum + connections.active, 0),
    },
  };
}

export interface ShownNode {
  readonly options: NodeOptions;
  readonly source: NodeSource;
  readonly addresses: object;
  readonly configurationHash: string | undefined;
  readonly facts: WorkerFacts;
}

/** Makes the body of `/status`. */
export function statusBody({ options, source, addresses, configurationHash, facts }: ShownNode): object {
  const { clusters, destinations, unusableSchemas, warnings, connections } = facts;
  return {
    role: options.role,
    node_id: source.nodeId,
    version: options.sluiceVersion,
    uptime_seconds: Math.floor(process.uptime()),
    addresses: { ...options.otherAddresses?.(), ...addresses },
    configuration_hash: configurationHash ?? null,
    ...source.describe(),
    clusters,
    registries: destinations
      .filter(({ kind }) => kind === 'registry')
      .map(({ name, state, error }) => ({ name, state, error })),
    unusable_schemas: unusableSchemas,
    destinations,
    warnings,
    connections,
  };
}
