import { expect } from 'chai';
import { LeasedLimits } from '../../../data-plane/kafka/leased-limits.ts';
import type { ProducerLimits } from '../../../data-plane/kafka/producer.ts';

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
  it('are the smallest batches, linger and attempts of all who hold it, and say when they may be others', () => {
    const leased = new LeasedLimits();
    expect(leased.isEmpty).to.equal(true);
    expect([leased.add(limits()), leased.add(limits()), leased.add(limits({ lingerMs: 5 }))]).to.deep.equal([
      true,
      false,
      true,
    ]);
    leased.add(limits({ attemptsMax: 3 }));
    expect(leased.inForce()).to.deep.equal(limits({ lingerMs: 5, attemptsMax: 3 }));
    expect([leased.remove(limits()), leased.remove(limits()), leased.remove(limits())]).to.deep.equal([
      false,
      true,
      false,
    ]);
    leased.remove(limits({ lingerMs: 5 }));
    expect(leased.inForce()).to.deep.equal(limits({ attemptsMax: 3 }));
    leased.remove(limits({ attemptsMax: 3 }));
    expect(leased.isEmpty).to.equal(true);
  });

  it('give everyone the room in the queue that it asked for', () => {
    const leased = new LeasedLimits();
    const large = limits({ queueRecordsMax: 50, queueBytesMax: 11 });
    for (const each of [limits(), large, limits({ queueRecordsMax: 5, queueBytesMax: 1 })]) leased.add(each);
    expect(leased.inForce()).to.deep.equal(large);
    leased.remove(large);
    expect(leased.inForce()).to.deep.equal(limits());
  });

  it('take any number of leases', () => {
    const leased = new LeasedLimits();
    for (let count = 0; count < 200_000; count += 1) leased.add(limits());
    expect(leased.inForce()).to.deep.equal(limits());
  });
});
