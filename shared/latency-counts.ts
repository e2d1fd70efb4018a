/** Number of buckets with an upper bound; one more holds what is above all bounds. */
const boundedBuckets = 72;
/** Upper bound of the first bucket in milliseconds. Four buckets double it. */
const firstBoundMs = 0.25;
export const latencyBuckets = boundedBuckets + 1;

/** Returns the upper bound of a bucket in milliseconds: 0.25 × 2^(bucket/4), and infinity for the last. */
export function latencyBoundMs(bucket: number): number {
  return bucket >= boundedBuckets ? Infinity : firstBoundMs * 2 ** (bucket / 4);
}

/** Returns the bucket of a duration: the first whose bound it does not exceed. */
export function latencyBucket(ms: number): number {
  if (!(ms > firstBoundMs)) return 0;
  // The logarithm of a bound itself may come out a trifle above the bucket's number.
  const bucket = Math.ceil(Math.log2(ms / firstBoundMs) * 4 - 1e-9);
  return Math.min(bucket, boundedBuckets);
}

/** Counts durations in the buckets that both planes know. The array is made with the first duration. */
export class LatencyCounts {
  #counts: Float64Array | undefined;
  #total = 0;

  get total(): number {
    return this.#total;
  }

  observe(ms: number): void {
    const counts = (this.#counts ??= new Float64Array(latencyBuckets));
    const bucket = latencyBucket(ms);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
    this.#total += 1;
  }

  /** Returns the buckets that are not empty, with their counts. */
  nonEmpty(): { readonly buckets: number[]; readonly counts: number[] } {
    const buckets: number[] = [];
    const counts: number[] = [];
    for (const [bucket, count] of this.#counts?.entries() ?? []) {
      if (count === 0) continue;
      buckets.push(bucket);
      counts.push(count);
    }
    return { buckets, counts };
  }
}

/**
 * Returns the duration in milliseconds that a share of all stays below: the bound of the bucket in which the share is
 * reached. Null without durations; the last bound where the share lies above all bounds.
 */
export function latencyQuantileMs(counts: ReadonlyMap<number, number>, share: number): number | null {
  let total = 0;
  for (const count of counts.values()) total += count;
  if (total === 0) return null;
  const wanted = total * share;
  let seen = 0;
  for (const bucket of [...counts.keys()].sort((a, b) => a - b)) {
    seen += counts.get(bucket) ?? 0;
    if (seen >= wanted) return latencyBoundMs(Math.min(bucket, boundedBuckets - 1));
  }
  return latencyBoundMs(boundedBuckets - 1);
}
