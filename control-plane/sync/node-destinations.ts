import type { Destination } from '../../shared/destination.ts';
import type { Destinations__Output } from '../../shared/generated/sluice/sync/v1/Destinations.ts';
import { boundedText } from './bounded-text.ts';

/** The destinations that a node told last. */
export interface NodeDestinations {
  /** The hash of the configuration that names them. */
  readonly hash: string;
  readonly items: readonly Destination[];
  /** How many more there are than the node could tell. */
  readonly omitted: number;
}

/** How many destinations of a node are kept. */
const destinationsMax = 1_000;
/** Bound of the name of a destination, in characters: a cluster without a name is named by its bootstrap servers. */
const nameMax = 1_000;
/** Bound of the error of a destination, in characters. */
const errorMax = 500;
const kinds: readonly Destination['kind'][] = ['cluster', 'topic', 'registry'];
const states: readonly Destination['state'][] = ['reachable', 'unreachable', 'untested'];

/** Reads the destinations of a heartbeat within bounds. A kind or state of a newer version is left out. */
export function nodeDestinations({ hash, items, omitted }: Destinations__Output): NodeDestinations {
  const known: Destination[] = [];
  for (const item of items.slice(0, destinationsMax)) {
    const kind = kinds.find((one) => one === item.kind);
    const state = states.find((one) => one === item.state);
    if (kind === undefined || state === undefined) continue;
    const error = state === 'unreachable' ? boundedText(item.error, errorMax) : null;
    known.push({ kind, name: boundedText(item.name, nameMax), state, error });
  }
  return { hash, items: known, omitted };
}

/** How many names of a state a header tells. */
const toldNamesMax = 10;

/** Names the destinations that are not reachable, for the header `Sluice-Sync`: `; unreachable=a,b; untested=c`. */
export function unreachedText(destinations: Iterable<Destination>): string {
  const names = { unreachable: new Set<string>(), untested: new Set<string>() };
  for (const { state, name } of destinations) if (state !== 'reachable') names[state].add(headerName(name));
  const part = (state: keyof typeof names): string => {
    const told = [...names[state]].sort();
    const more = told.length > toldNamesMax ? `,+${told.length - toldNamesMax}` : '';
    return told.length === 0 ? '' : `; ${state}=${told.slice(0, toldNamesMax).join(',')}${more}`;
  };
  return `${part('unreachable')}${part('untested')}`;
}

/** Percent-encodes what a header cannot hold, and the characters that separate names. */
function headerName(name: string): string {
  return name.replace(/[^\x21-\x7e]|[,;=%]/gu, encodeURIComponent);
}
