import type { Destination } from '../api/nodes.ts';

const words: Readonly<Record<string, string>> = {
  reachable: 'connected',
  unreachable: 'not reached',
  untested: 'not tried yet',
};

/** Says the state of a destination in words of its kind. */
export function destinationWords(kind: string, state: string): string {
  if (kind === 'topic')
    return state === 'reachable' ? 'found' : state === 'unreachable' ? 'not usable' : (words[state] ?? state);
  return words[state] ?? state;
}

/** The clusters, topics and registries that a node needs, with the error in words; those that fail stand first. */
export function DestinationList({ items }: { readonly items: readonly Destination[] }) {
  const order = ['unreachable', 'untested', 'reachable'];
  const sorted = items.toSorted((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  return (
    <ul class="rows">
      {sorted.map(({ kind, name, state, error }) => (
        <li key={`${kind} ${name}`} class="row">
          <span class={`chip chip-${state}`}>
            <span class="dot" aria-hidden="true" />
            {destinationWords(kind, state)}
          </span>
          <span class="row-main">
            <span class="kind">{kind}</span> <strong class="name">{name}</strong>
            {error !== undefined && <span class="row-detail">{error}</span>}
          </span>
        </li>
      ))}
    </ul>
  );
}
