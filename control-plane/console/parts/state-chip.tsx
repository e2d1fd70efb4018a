import type { NodeState } from '../api/nodes.ts';

export const stateNames: Readonly<Record<NodeState, string>> = {
  rejected: 'rejected',
  stale: 'behind',
  incompatible: 'incompatible',
  offline: 'offline',
  pending: 'applying',
  in_sync: 'in sync',
};

export const stateMeanings: Readonly<Record<NodeState, string>> = {
  rejected: 'It rejected the current configuration and keeps the one before.',
  stale: 'It has been behind the current configuration for more than 10 s.',
  incompatible: 'Its version or plugins do not allow it to get the configuration.',
  offline: 'It is not connected. It may still serve what it applied last.',
  pending: 'It has not applied the newest change yet.',
  in_sync: 'It runs the current configuration.',
};

export function StateChip({ state }: { readonly state: NodeState }) {
  return (
    <span class={`chip chip-${state}`} title={stateMeanings[state]}>
      <span class="dot" aria-hidden="true" />
      {stateNames[state]}
    </span>
  );
}
