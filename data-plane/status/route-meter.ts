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

  constructor(label: string) {
    this.label = label;
  }

  /** Counts an answer, with its error code where it has one. */
  count(status: number, code?: string): void {
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    if (code !== undefined) this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
  }

  observe(seconds: number): void {
    let bucket = 0;
    while (bucket < durationBuckets.length && seconds > (durationBuckets[bucket] ?? 0)) bucket += 1;
    this.buckets[bucket] = (this.buckets[bucket] ?? 0) + 1;
    this.secondsTotal += seconds;
  }
}
