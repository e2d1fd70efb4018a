import { stateOfTarget } from '../../shared/target-health.ts';
import type { TargetHealthView } from '../admin/clustering.ts';
import type { NodeRegistry } from './node-registry.ts';

/** Makes the health of targets for the Admin API: what the connected nodes have told, and a way to set it on them. */
export function createTargetHealth(
  registry: Pick<NodeRegistry, 'connectedEntries' | 'setTargetHealth'>,
): TargetHealthView {
  return {
    reports: (upstreamId) =>
      registry.connectedEntries().flatMap(({ record, targets }) => {
        const state = targets?.get(upstreamId);
        if (state === undefined) return [];
        const { id, hostname } = record;
        return [{ id, hostname, stateOf: (target: string) => stateOfTarget(state, target) }];
      }),
    set: (change) => registry.setTargetHealth(change),
  };
}
