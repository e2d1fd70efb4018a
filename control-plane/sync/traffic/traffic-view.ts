import { latencyQuantileMs } from '../../../shared/latency-counts.ts';
import type { TrafficNames } from './traffic-names.ts';
import { type StepCounts, stepMs, stepsMax, type TrafficSeries } from './traffic-series.ts';

/** Pointers of a route that are shown. */
const pointersMax = 5;

/** Counts as they are shown, of a step or of all. */
export interface TrafficSums {
  readonly answers_total: number;
  /** Requests that tell of a record, by outcome. */
  readonly records: Readonly<Record<string, number>>;
  /** Answers by status and by error code. */
  readonly answers: Readonly<Record<string, number>>;
  /** Null where nothing was measured. */
  readonly latency: QuantileView | null;
  readonly produce: QuantileView | null;
}

interface QuantileView {
  readonly p50_ms: number;
  readonly p99_ms: number;
}

/** Shows the steps of a series from a time on, and their sum. */
export function trafficSteps(
  series: TrafficSeries | undefined,
  names: TrafficNames,
  { sinceMs, nowMs }: { readonly sinceMs: number; readonly nowMs: number },
) {
  const until = Math.floor(nowMs / stepMs);
  const from = Math.max(until - stepsMax + 1, Math.floor(sinceMs / stepMs));
  const total = new Map<number, number>();
  const steps: (TrafficSums & { readonly at: number })[] = [];
  for (let step = from; step <= until; step += 1) {
    const counts = series?.at(step) ?? new Map<number, number>();
    for (const [number, count] of counts) total.set(number, (total.get(number) ?? 0) + count);
    steps.push({ at: (step * stepMs) / 1_000, ...sums(counts, names) });
  }
  return { steps, total: sums(total, names), pointers: pointersOf(total, names) };
}

/** Returns the sum of a series from a time on. */
export function trafficTotal(series: TrafficSeries, names: TrafficNames, sinceMs: number): TrafficSums {
  const total = new Map<number, number>();
  const from = Math.max(series.newestStep - stepsMax + 1, Math.floor(sinceMs / stepMs));
  for (let step = from; step <= series.newestStep; step += 1) {
    for (const [number, count] of series.at(step)) total.set(number, (total.get(number) ?? 0) + count);
  }
  return sums(total, names);
}

function sums(counts: StepCounts, names: TrafficNames): TrafficSums {
  const named: Record<'record' | 'answer', Record<string, number>> = { record: {}, answer: {} };
  const buckets = { latency: new Map<number, number>(), produce: new Map<number, number>() };
  let answers = 0;
  for (const [number, count] of counts) {
    const { kind, name } = names.nameOf(number);
    if (kind === 'record') named.record[name] = count;
    else if (kind === 'latency' || kind === 'produce') buckets[kind].set(Number(name), count);
    else if (kind === 'answer') {
      named.answer[name] = count;
      // Codes come on top of the status of the same answer.
      if (/^\d+$/.test(name)) answers += count;
    }
  }
  return {
    answers_total: answers,
    records: named.record,
    answers: named.answer,
    latency: quantiles(buckets.latency),
    produce: quantiles(buckets.produce),
  };
}

function quantiles(counts: ReadonlyMap<number, number>): QuantileView | null {
  const [p50, p99] = [latencyQuantileMs(counts, 0.5), latencyQuantileMs(counts, 0.99)];
  return p50 === null || p99 === null ? null : { p50_ms: rounded(p50), p99_ms: rounded(p99) };
}

function pointersOf(counts: StepCounts, names: TrafficNames): { readonly pointer: string; readonly count: number }[] {
  return [...counts]
    .flatMap(([number, count]) => {
      const { kind, name } = names.nameOf(number);
      return kind === 'pointer' ? [{ pointer: name, count }] : [];
    })
    .sort((a, b) => b.count - a.count)
    .slice(0, pointersMax);
}

function rounded(ms: number): number {
  return Number(ms.toPrecision(3));
}
