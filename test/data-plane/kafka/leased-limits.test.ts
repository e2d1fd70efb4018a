import { expect } from 'chai';
import { LeasedLimits } from '../../../data-plane/kafka/leased-limits.ts';
import type { ProducerLimits } from '../../../data-plane/kafka/producer-types.ts';

const limits = (changes: Partial<ProducerLimits> = {}): ProducerLimits => ({
  batchRecordsMax: 10,
  batchBytesMax: 10,
  lingerMs: 10,
  queueRecordsMax: 10,
  queueBytesMax: 10,
  attemptsMax: 10,
  retryBackoffMs: 10,
  ...changes,
});

describe('limits of a shared producer', () => {
  let changes: ProducerLimits[];
  let leased: LeasedLimits;
  beforeEach(() => {
    changes = [];
    leased = new LeasedLimits((inForce) => changes.push(inForce));
  });

  it('are the smallest batches, linger and attempts of all holders, and are told when they may have changed', () => {
    const releases = [limits(), limits(), limits({ lingerMs: 5 }), limits({ attemptsMax: 3 })].map((each) =>
      leased.acquire(each),
    );
    expect(changes).to.deep.equal([limits(), limits({ lingerMs: 5 }), limits({ lingerMs: 5, attemptsMax: 3 })]);
    changes = [];
    for (const release of releases) release();
    expect(changes).to.deep.equal([limits({ lingerMs: 5, attemptsMax: 3 }), limits({ attemptsMax: 3 })]);
  });

  it('give each holder the queue size that it asked for', () => {
    const large = limits({ queueRecordsMax: 50, queueBytesMax: 11 });
    leased.acquire(limits());
    const release = leased.acquire(large);
    leased.acquire(limits({ queueRecordsMax: 5, queueBytesMax: 1 }));
    expect(changes.at(-1)).to.deep.equal(large);
    release();
    expect(changes.at(-1)).to.deep.equal(limits());
  });

  it('take any number of leases', () => {
    for (let count = 0; count < 200_000; count += 1) leased.acquire(limits());
    expect(changes).to.deep.equal([limits()]);
  });
});
