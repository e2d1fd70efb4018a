import { LatencyCounts } from '../../shared/latency-counts.ts';
import type { RecordResult } from '../plugin-api/exchange.ts';
import { FailingPointers } from './failing-pointers.ts';

/** Upper bounds in seconds: a broker acknowledges within milliseconds, deadlines are around ten seconds. */
export const durationBuckets: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

/**
 * Counts the answers of one route by status and by error code, and their durations. Plain numbers, so that the request path
 * neither hashes labels nor looks series up.
 */
export class RouteMeter {
  readonly label: string;
  readonly statuses = new Map<number, number>();
  readonly codes = new Map<string, number>();
  /** Answers by bucket, not cumulated; the last one is over every bound. */
  readonly buckets = new Float64Array(durationBuckets.length + 1);
  secondsTotal = 0;
  /** Answers that tell of a record, by outcome. */
  readonly outcomes = new Map<string, number>();
  readonly latency = new LatencyCounts();
  #pointers: FailingPointers | undefined;
  #answers = 0;

  constructor(label: string) {
    this.label = label;
  }

  /** The number of all answers. It grows with whatever else changes. */
  get answers(): number {
    return this.#answers;
  }

  /** Counts an answer, with what it tells of its record. */
  count(status: number, result?: RecordResult): void {
    const code = result?.error?.code;
    this.#answers += 1;
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    if (code !== undefined) this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
    if (result === undefined) return;
    this.outcomes.set(result.outcome, (this.outcomes.get(result.outcome) ?? 0) + 1);
    const details = result.error?.details;
    if (details !== undefined) (this.#pointers ??= new FailingPointers()).note(details);
  }

  /** Returns the pointers into bodies that fail most. */
  failingPointers(size: number): { readonly name: string; readonly count: number }[] {
    return this.#pointers?.most(size) ?? [];
  }

  observe(seconds: number): void {
    let bucket = 0;
    while (bucket < durationBuckets.length && seconds > (durationBuckets[bucket] ?? 0)) bucket += 1;
    this.buckets[bucket] = (this.buckets[bucket] ?? 0) + 1;
    this.secondsTotal += seconds;
    this.latency.observe(seconds * 1_000);
  }
}
