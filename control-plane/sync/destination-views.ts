import type { Destination } from '../../shared/destination.ts';
import type { DestinationView } from '../admin/clustering.ts';
import type { NodeEntry } from './node-entry.ts';

/** Destinations that are listed. */
const listedMax = 2_000;
/** Reasons of one destination, and nodes of one reason, that are listed. */
const errorsMax = 10;
const errorNodesMax = 20;

interface Gathered {
  readonly destination: Destination;
  readonly nodes: Record<Destination['state'], number>;
  readonly errors: Map<string, string[]>;
}

const order: Readonly<Record<Destination['state'], number>> = { unreachable: 0, untested: 1, reachable: 2 };

/** Joins the destinations that nodes tell: each once, those that fail first. */
export function destinationViews(entries: Iterable<Pick<NodeEntry, 'record' | 'destinations'>>): DestinationView[] {
  const all = new Map<string, Gathered>();
  for (const { record, destinations } of entries) {
    for (const destination of destinations?.items ?? []) gather(all, destination, record.id);
  }
  return [...all.values()]
    .map(viewOf)
    .sort((a, b) => order[a.state] - order[b.state] || compare(a.kind, b.kind) || compare(a.name, b.name))
    .slice(0, listedMax);
}

function gather(all: Map<string, Gathered>, destination: Destination, nodeId: string): void {
  const { kind, name, state, error } = destination;
  const key = `${kind} ${name}`;
  let gathered = all.get(key);
  if (gathered === undefined) {
    gathered = { destination, nodes: { reachable: 0, unreachable: 0, untested: 0 }, errors: new Map() };
    all.set(key, gathered);
  }
  gathered.nodes[state] += 1;
  if (error === null) return;
  const nodes = gathered.errors.get(error);
  if (nodes !== undefined) nodes.push(nodeId);
  else if (gathered.errors.size < errorsMax) gathered.errors.set(error, [nodeId]);
}

function viewOf({ destination, nodes, errors }: Gathered): DestinationView & { readonly state: Destination['state'] } {
  const { kind, name } = destination;
  const state = nodes.unreachable > 0 ? 'unreachable' : nodes.untested > 0 ? 'untested' : 'reachable';
  return {
    kind,
    name,
    state,
    nodes,
    errors: [...errors].map(([error, ids]) => ({
      error,
      nodes: ids.slice(0, errorNodesMax),
      nodes_total: ids.length,
    })),
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
