import { expect } from 'chai';
import { connectionsWithin, descriptorsMax } from '../../shared/descriptors.ts';

describe('the descriptors of a process', () => {
  for (const [wanted, descriptors, connections] of [
    [10_000, 20_000, 10_000],
    [10_000, 1_024, 768],
    [100, 1_024, 100],
    [10_000, 150, 16],
    [4, 150, 4],
    [10_000, Infinity, 10_000],
  ] as const) {
    it(`${descriptors} leave room for ${connections} of ${wanted} connections`, () => {
      expect(connectionsWithin(wanted, descriptors)).to.equal(connections);
    });
  }

  it('are told by the system', () => {
    expect(descriptorsMax()).to.be.greaterThan(100);
  });
});
