import type { Destination } from '../../shared/destination.ts';
import type { ClusterStatus } from '../kafka/producer-types.ts';
import type { WorkerFacts } from './messages.ts';
import { mergeUpstreams } from './pooled-targets.ts';

/** Texts of one kind that `/status` lists. */
const listedMax = 100;

const clusterWeights: Readonly<Record<ClusterStatus['state'], number>> = { connected: 0, connecting: 1, failing: 2 };
const reachWeights: Readonly<Record<Destination['state'], number>> = { reachable: 0, untested: 1, unreachable: 2 };

/** Puts the facts of the workers together as the node's: numbers are summed, of the states of one thing the worst counts. */
export function mergeFacts(facts: readonly WorkerFacts[]): WorkerFacts {
  return {
    requestsTotal: sum(facts.map(({ requestsTotal }) => requestsTotal)),
    clusters: worst(
      facts.flatMap(({ clusters }) => clusters),
      ({ name }) => name,
      ({ state }) => clusterWeights[state],
    ),
    destinations: worst(
      facts.flatMap(({ destinations }) => destinations),
      ({ kind, name }) => `${kind} ${name}`,
      ({ state }) => reachWeights[state],
    ),
    targets: mergeUpstreams(facts.flatMap(({ targets }) => targets)),
    unusableSchemas: distinct(facts.flatMap(({ unusableSchemas }) => unusableSchemas)),
    warnings: distinct(facts.flatMap(({ warnings }) => warnings)),
    connections: {
      accepted: sum(facts.map(({ connections }) => connections.accepted)),
      active: sum(facts.map(({ connections }) => connections.active)),
    },
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function worst<T>(list: readonly T[], keyOf: (item: T) => string, weightOf: (item: T) => number): T[] {
  const found = new Map<string, T>();
  for (const item of list) {
    const known = found.get(keyOf(item));
    if (known === undefined || weightOf(item) > weightOf(known)) found.set(keyOf(item), item);
  }
  return [...found.values()];
}

function distinct<T>(list: readonly T[]): T[] {
  return [...new Map(list.map((item) => [JSON.stringify(item), item])).values()].slice(0, listedMax);
}
