import { expect } from 'chai';
import {
  latencyBoundMs,
  latencyBucket,
  latencyBuckets,
  LatencyCounts,
  latencyQuantileMs,
} from '../../shared/latency-counts.ts';

describe('counts of latency', () => {
  it('puts each bound into its own bucket, and what is above into the next', () => {
    for (let bucket = 0; bucket < latencyBuckets - 1; bucket += 1) {
      const boundMs = latencyBoundMs(bucket);
      expect(boundMs).to.be.closeTo(0.25 * 2 ** (bucket / 4), 1e-9);
      expect(latencyBucket(boundMs), `the bound ${boundMs}`).to.equal(bucket);
      expect(latencyBucket(boundMs * 1.001), `above ${boundMs}`).to.equal(bucket + 1);
    }
    expect(latencyBoundMs(latencyBuckets - 1)).to.equal(Infinity);
  });

  const rows: readonly (readonly [ms: number, bucket: number])[] = [
    [0, 0],
    [-1, 0],
    [Number.NaN, 0],
    [0.25, 0],
    [1, 8],
    [60 * 60_000, 72],
    [Infinity, 72],
  ];
  for (const [ms, bucket] of rows) {
    it(`puts ${ms} ms into bucket ${bucket}`, () => expect(latencyBucket(ms)).to.equal(bucket));
  }

  it('tells the buckets that are not empty', () => {
    const counts = new LatencyCounts();
    expect(counts.nonEmpty()).to.deep.equal({ buckets: [], counts: [] });
    for (const ms of [0.1, 1, 1, 1e9]) counts.observe(ms);
    expect(counts.nonEmpty()).to.deep.equal({ buckets: [0, 8, 72], counts: [1, 2, 1] });
    expect(counts.total).to.equal(4);
  });

  it('tells the bound that a share stays below', () => {
    const counts = new Map([
      [8, 98],
      [12, 1],
      [72, 1],
    ]);
    expect(latencyQuantileMs(counts, 0.5)).to.equal(1);
    expect(latencyQuantileMs(counts, 0.99)).to.equal(2);
    expect(latencyQuantileMs(counts, 1)).to.equal(latencyBoundMs(71));
    expect(latencyQuantileMs(new Map(), 0.5)).to.equal(null);
  });
});
