import type { Traffic__Output } from '../../../shared/generated/sluice/sync/v1/Traffic.ts';
import type { TrafficSubject } from '../../admin/clustering.ts';
import type { Session } from '../node-session-types.ts';
import { addLatency, NodeTraffic, totalsOf } from './node-traffic.ts';
import { TrafficNames } from './traffic-names.ts';
import { stepMs, stepsMax, TrafficSeries } from './traffic-series.ts';
import { trafficSteps, trafficTotal } from './traffic-view.ts';

/** Routes with traffic that have a line of their own; the rest is one line. */
const routesMax = 1_000;
/** Nodes with traffic that have a line of their own. */
const nodesMax = 10_000;
/** Routes that are listed. */
const listedMax = 100;
/** Routes of heartbeats that are read. */
const toldRoutesMax = 2_000;
/** Last counts that are kept over all nodes, a route of a node each: about 400 bytes each. */
const toldMax = 100_000;
/** The line of the routes that have none. */
export const otherRoutes = 'others';
/** The line of requests that no route took. */
export const unmatchedRequests = 'unmatched';
/** The produce times of a node are subtracted like those of a route; no route has this id. */
const produceKey = 'produce';

interface NodeQueue {
  readonly records: number;
  readonly bytes: number;
  readonly oldestMs: number;
}

/** Keeps 15 minutes of traffic in memory: of each route over all nodes, of each node over all routes, and of all. */
export class TrafficBook {
  readonly #names = new TrafficNames();
  readonly #all = new TrafficSeries();
  readonly #routes = new Map<string, TrafficSeries>();
  readonly #nodes = new Map<string, TrafficSeries>();
  readonly #told = new Map<Session, NodeTraffic>();
  readonly #queues = new Map<Session, { readonly nodeId: string; readonly queue: NodeQueue }>();
  readonly #nowMs: () => number;
  /** Last counts that are kept over all nodes. */
  #kept = 0;

  constructor(nowMs: () => number = () => Date.now()) {
    this.#nowMs = nowMs;
  }

  /** Adds the counts of a heartbeat. */
  add(session: Session, nodeId: string, traffic: Traffic__Output): void {
    const step = Math.floor(this.#nowMs() / stepMs);
    const told = this.#told.get(session) ?? new NodeTraffic();
    this.#told.set(session, told);
    const { queueRecords, queueBytes, queueOldestMs } = traffic;
    const queue = { records: Number(queueRecords), bytes: Number(queueBytes), oldestMs: Number(queueOldestMs) };
    this.#queues.set(session, { nodeId, queue });
    for (const route of traffic.routes.slice(0, toldRoutesMax)) {
      const { routeId, base } = route;
      if (!told.knows(routeId)) {
        if (this.#kept >= toldMax) continue;
        this.#kept += 1;
      }
      const added = told.added(routeId, totalsOf(this.#names, route), base);
      this.#addAll(step, nodeId, added, this.#seriesOf(routeId, step));
    }
    const produced = new Map<number, number>();
    addLatency(produced, this.#names, 'produce', traffic.produce);
    const isFirst = !told.knows(produceKey);
    if (isFirst) this.#kept += 1;
    this.#addAll(step, nodeId, told.added(produceKey, produced, isFirst), undefined);
  }

  /** Forgets what the stream told. Its next one begins with a base. */
  ended(session: Session): void {
    this.#kept -= this.#told.get(session)?.size ?? 0;
    this.#told.delete(session);
    this.#queues.delete(session);
  }

  /** The number of streams that tell their traffic. */
  get counted(): number {
    return this.#told.size;
  }

  /** Shows the traffic of all routes, a route or a node since a time. */
  view(subject: TrafficSubject, sinceMs: number) {
    const times = { sinceMs, nowMs: this.#nowMs() };
    const { steps, total, pointers } = trafficSteps(this.#seriesFor(subject), this.#names, times);
    return {
      step_seconds: stepMs / 1_000,
      nodes_counted: this.counted,
      total,
      steps,
      ...(subject.kind === 'route' ? { pointers } : { queue: this.#queueOf(subject) }),
      ...(subject.kind === 'all' ? { routes: this.#listRoutes(sinceMs) } : {}),
    };
  }

  #addAll(step: number, nodeId: string, added: ReadonlyMap<number, number>, route: TrafficSeries | undefined): void {
    if (added.size === 0) return;
    if (this.#nodes.size >= nodesMax && !this.#nodes.has(nodeId)) this.#dropIdle(step);
    const node = this.#nodes.size < nodesMax || this.#nodes.has(nodeId) ? seriesIn(this.#nodes, nodeId) : undefined;
    for (const [number, count] of added) {
      this.#all.add(step, number, count);
      route?.add(step, number, count);
      // Pointers belong to a route.
      if (this.#names.nameOf(number).kind !== 'pointer') node?.add(step, number, count);
    }
  }

  #seriesOf(routeId: string, step: number): TrafficSeries {
    const key = routeId === '' ? unmatchedRequests : routeId;
    const known = this.#routes.get(key);
    if (known !== undefined) return known;
    if (this.#routes.size >= routesMax) this.#dropIdle(step);
    return seriesIn(this.#routes, this.#routes.size >= routesMax ? otherRoutes : key);
  }

  /** Drops the lines of routes and nodes without traffic in the time that is kept. */
  #dropIdle(step: number): void {
    for (const lines of [this.#routes, this.#nodes]) {
      for (const [key, series] of lines) if (series.newestStep <= step - stepsMax) lines.delete(key);
    }
  }

  #seriesFor(subject: TrafficSubject): TrafficSeries | undefined {
    if (subject.kind === 'all') return this.#all;
    return (subject.kind === 'route' ? this.#routes : this.#nodes).get(subject.id);
  }

  #queueOf(subject: TrafficSubject): object {
    const sum = { records: 0, bytes: 0, oldest_ms: 0 };
    for (const { nodeId, queue } of this.#queues.values()) {
      if (subject.kind === 'node' && nodeId !== subject.id) continue;
      sum.records += queue.records;
      sum.bytes += queue.bytes;
      sum.oldest_ms = Math.max(sum.oldest_ms, queue.oldestMs);
    }
    return sum;
  }

  #listRoutes(sinceMs: number): object[] {
    return [...this.#routes]
      .map(([id, series]) => ({ id, ...trafficTotal(series, this.#names, sinceMs) }))
      .filter(({ answers_total: answers }) => answers > 0)
      .sort((a, b) => b.answers_total - a.answers_total)
      .slice(0, listedMax);
  }
}

function seriesIn(lines: Map<string, TrafficSeries>, key: string): TrafficSeries {
  let series = lines.get(key);
  if (series === undefined) lines.set(key, (series = new TrafficSeries()));
  return series;
}
