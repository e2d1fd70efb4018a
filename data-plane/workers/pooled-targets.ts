import type { TargetHealthChange, TargetHealths, UpstreamState } from '../../shared/target-health.ts';

export interface PooledTargetsDeps {
  /** What the workers find, put together. */
  readonly states: () => readonly UpstreamState[];
  /** Sets the health in every worker. */
  readonly set: (change: TargetHealthChange) => void;
}

/** Shows the health of targets that the workers of a node find as the node's. */
export function pooledTargets({ states, set }: PooledTargetsDeps): TargetHealths {
  let told = '';
  let revision = 0;
  return {
    states,
    set,
    revision() {
      const text = JSON.stringify(states());
      if (text !== told) {
        told = text;
        revision += 1;
      }
      return revision;
    },
  };
}

/** Puts what several workers find together: a target that fails for one fails. */
export function mergeUpstreams(lists: readonly UpstreamState[]): UpstreamState[] {
  const merged = new Map<string, UpstreamState>();
  for (const state of lists) {
    const known = merged.get(state.upstreamId);
    if (known === undefined) merged.set(state.upstreamId, state);
    else {
      const failing = new Map([...known.failing, ...state.failing].map((each) => [each.target, each]));
      merged.set(state.upstreamId, { ...known, failing: [...failing.values()] });
    }
  }
  return [...merged.values()];
}
