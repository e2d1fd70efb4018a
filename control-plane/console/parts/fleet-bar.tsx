import { nodeStates, type Node, type NodeState } from '../api/nodes.ts';
import { hrefOf } from '../navigation/location.ts';
import { stateMeanings, stateNames } from './state-chip.tsx';

export function countStates(nodes: readonly Node[]): ReadonlyMap<NodeState, number> {
  const counts = new Map<NodeState, number>(nodeStates.map((state) => [state, 0]));
  for (const { state } of nodes) counts.set(state, (counts.get(state) ?? 0) + 1);
  return counts;
}

/** The fleet as one bar: a part for each state, as wide as its share. Each part leads to its nodes. */
export function FleetBar({ nodes }: { readonly nodes: readonly Node[] }) {
  const counts = [...countStates(nodes)].filter(([, count]) => count > 0).toReversed();
  return (
    <div class="fleet-bar-frame">
      <div class="fleet-bar" aria-hidden="true">
        {counts.map(([state, count]) => (
          <span key={state} class={`fill-${state}`} style={{ flexGrow: count }} />
        ))}
      </div>
      <ul class="legend">
        {counts.map(([state, count]) => (
          <li key={state}>
            <a href={hrefOf('/fleet', { state })} title={stateMeanings[state]}>
              <span class={`dot fill-${state}`} aria-hidden="true" />
              <strong>{count}</strong> {stateNames[state]}
            </a>
          </li>
        ))}
      </ul>
    </div>
  );
}
