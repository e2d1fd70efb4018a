import type { Count__Output } from '../../../shared/generated/sluice/sync/v1/Count.ts';
import type { Latency__Output } from '../../../shared/generated/sluice/sync/v1/Latency.ts';
import type { RouteTraffic__Output } from '../../../shared/generated/sluice/sync/v1/RouteTraffic.ts';
import type { CountKind, TrafficNames } from './traffic-names.ts';

/** Names of one list of counts in a heartbeat that are read. */
const countsMax = 200;

/** Counts by number, since the node's process started. */
type Totals = Map<number, number>;

/** The counts that one stream of a node told last, which the next ones are subtracted from. */
export class NodeTraffic {
  /** Pairs of number and count, packed: nodes times routes of them are kept. */
  readonly #told = new Map<string, Float64Array>();

  /** The number of routes of which counts are kept. */
  get size(): number {
    return this.#told.size;
  }

  knows(routeId: string): boolean {
    return this.#told.has(routeId);
  }

  /** Notes new counts and returns what was added since the ones before; nothing when they are a base. */
  added(routeId: string, totals: ReadonlyMap<number, number>, isBase: boolean): Totals {
    const before = this.#told.get(routeId);
    this.#told.set(routeId, Float64Array.from([...totals].flat()));
    const added: Totals = new Map();
    if (isBase && before === undefined) return added;
    const known = new Map<number, number>();
    for (let index = 0; index < (before?.length ?? 0); index += 2) {
      known.set(before?.[index] ?? 0, before?.[index + 1] ?? 0);
    }
    for (const [number, total] of totals) {
      const last = known.get(number) ?? 0;
      // A count that is lower than before began anew.
      const count = total >= last ? total - last : total;
      if (count > 0) added.set(number, count);
    }
    return added;
  }
}

/** Reads the counts of a route within bounds. */
export function totalsOf(names: TrafficNames, route: RouteTraffic__Output): Totals {
  const totals: Totals = new Map();
  addCounts(totals, names, 'record', route.outcomes);
  addCounts(totals, names, 'answer', route.answers);
  addCounts(totals, names, 'pointer', route.pointers);
  addLatency(totals, names, 'latency', route.latency);
  return totals;
}

/** Reads a histogram within bounds. */
export function addLatency(
  totals: Totals,
  names: TrafficNames,
  kind: 'latency' | 'produce',
  latency: Latency__Output | null,
): void {
  for (const [index, bucket] of (latency?.buckets ?? []).slice(0, countsMax).entries()) {
    const number = names.numberOfBucket(kind, bucket);
    const count = Number(latency?.counts[index] ?? 0);
    if (number !== undefined && count > 0) totals.set(number, count);
  }
}

function addCounts(totals: Totals, names: TrafficNames, kind: CountKind, counts: readonly Count__Output[]): void {
  for (const { name, count } of counts.slice(0, countsMax)) {
    const number = names.numberOf(kind, name);
    totals.set(number, (totals.get(number) ?? 0) + Number(count));
  }
}
