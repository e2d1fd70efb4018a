import type { Count } from '../../shared/generated/sluice/sync/v1/Count.ts';
import type { Latency } from '../../shared/generated/sluice/sync/v1/Latency.ts';
import type { RouteTraffic } from '../../shared/generated/sluice/sync/v1/RouteTraffic.ts';
import type { Traffic } from '../../shared/generated/sluice/sync/v1/Traffic.ts';
import type { LatencyCounts } from '../../shared/latency-counts.ts';

/** The counts of one route; they only grow. */
export interface RouteCounts {
  /** Grows with each change of the others. */
  readonly answers: number;
  readonly outcomes: ReadonlyMap<string, number>;
  readonly statuses: ReadonlyMap<number, number>;
  readonly codes: ReadonlyMap<string, number>;
  readonly latency: LatencyCounts;
  failingPointers(size: number): { readonly name: string; readonly count: number }[];
}

/** What a node counts of its traffic. */
export interface TrafficCounts {
  /** Returns the counts of the routes that are configured, by id; '' for requests without a route. */
  readonly routes: () => Iterable<readonly [routeId: string, counts: RouteCounts]>;
  readonly produce: () => LatencyCounts;
  readonly queue: () => { readonly records: number; readonly bytes: number; readonly oldestMs: number };
}

const pointersMax = 5;
/** Bytes of a number with its tag, at most. */
const numberBytes = 11;

/** What the control plane was told of a route on this stream. */
interface Told {
  readonly counts: RouteCounts;
  /** The answers that were told; -1 before the first time. */
  answers: number;
  /** The route had counts when the stream began: the first report says so. */
  readonly isBase: boolean;
  /** The number of the report that told it last. */
  atReport: number;
}

/** Decides which counts go with a heartbeat: those that changed, longest unsent first, within a bound of bytes. */
export class TrafficReports {
  readonly #counts: TrafficCounts;
  readonly #told = new Map<string, Told>();
  #reports = 0;

  constructor(counts: TrafficCounts) {
    this.#counts = counts;
    for (const [id, route] of counts.routes()) this.#note(id, route, route.answers > 0);
  }

  /** Returns the report for a heartbeat. */
  take(bytesMax: number): Traffic {
    const { produce, queue } = this.#counts;
    const { records, bytes, oldestMs } = queue();
    this.#reports += 1;
    const latency = produce().nonEmpty();
    return {
      routes: this.#routes(bytesMax - latencyBytes(latency)),
      produce: latency,
      queueRecords: records,
      queueBytes: bytes,
      queueOldestMs: Math.round(oldestMs),
    };
  }

  #routes(bytesMax: number): RouteTraffic[] {
    const changed = this.#changed().sort(([, a], [, b]) => a.atReport - b.atReport);
    const routes: RouteTraffic[] = [];
    let bytes = 0;
    for (const [id, told] of changed) {
      const route = routeTraffic(id, told);
      bytes += bytesOf(route);
      if (bytes > bytesMax && routes.length > 0) break;
      told.answers = told.counts.answers;
      told.atReport = this.#reports;
      routes.push(route);
    }
    return routes;
  }

  #changed(): [string, Told][] {
    const changed: [string, Told][] = [];
    const live = new Set<string>();
    const meters = new Set([...this.#told.values()].map(({ counts }) => counts));
    for (const [id, counts] of this.#counts.routes()) {
      live.add(id);
      const known = this.#told.get(id);
      // A new route with the name of another one goes on with its counts.
      const told = known?.counts === counts ? known : this.#note(id, counts, meters.has(counts));
      if (counts.answers !== Math.max(told.answers, 0)) changed.push([id, told]);
    }
    for (const id of this.#told.keys()) if (!live.has(id)) this.#told.delete(id);
    return changed;
  }

  #note(id: string, counts: RouteCounts, isBase: boolean): Told {
    const told = { counts, answers: -1, isBase, atReport: 0 };
    this.#told.set(id, told);
    return told;
  }
}

function routeTraffic(routeId: string, { counts, answers, isBase }: Told): RouteTraffic {
  return {
    routeId,
    base: isBase && answers === -1,
    outcomes: countsOf(counts.outcomes),
    answers: [...countsOf(counts.statuses), ...countsOf(counts.codes)],
    latency: counts.latency.nonEmpty(),
    pointers: counts.failingPointers(pointersMax),
  };
}

function countsOf(counts: ReadonlyMap<string | number, number>): Count[] {
  return [...counts].map(([name, count]) => ({ name: String(name), count }));
}

/** Returns the bytes of a route's report on the wire, or a few more. */
function bytesOf({ routeId = '', outcomes = [], answers = [], pointers = [], latency }: RouteTraffic): number {
  let bytes = routeId.length + latencyBytes(latency) + 2 * numberBytes;
  for (const { name = '' } of [...outcomes, ...answers, ...pointers])
    bytes += Buffer.byteLength(name) + 2 * numberBytes;
  return bytes;
}

function latencyBytes(latency: Latency | null | undefined): number {
  return numberBytes + (latency?.buckets?.length ?? 0) * numberBytes;
}
