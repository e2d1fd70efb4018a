import { hostname } from 'node:os';
import { stateOfTarget, type TargetHealths } from '../../shared/target-health.ts';
import type { TargetHealthView } from './clustering.ts';

/** Shows the health of targets of the data plane of the same process; none before `node` names it. */
export function localTargetHealth(nodeId: string, node: () => TargetHealths | undefined): TargetHealthView {
  return {
    reports: (upstreamId) =>
      (node()?.states() ?? [])
        .filter((state) => state.upstreamId === upstreamId)
        .map((state) => ({
          id: nodeId,
          hostname: hostname(),
          stateOf: (target) => stateOfTarget(state, target),
        })),
    set: (change) => node()?.set(change),
  };
}
