import { expect } from 'chai';
import { PeakEwma } from '../../../data-plane/upstreams/peak-ewma.ts';

describe('PeakEwma', () => {
  it('follows a peak at once', () => {
    const average = new PeakEwma();
    average.observe(10, 0);
    average.observe(500, 1);
    expect(average.value(1)).to.equal(500);
  });

  it('forgets a peak slowly', () => {
    const average = new PeakEwma();
    average.observe(500, 0);
    average.observe(10, 1_000);
    expect(average.value(1_000)).to.be.within(400, 470);
    for (let second = 2; second <= 120; second++) average.observe(10, second * 1_000);
    expect(average.value(120_000)).to.be.closeTo(10, 0.5);
  });

  it('decays while nothing is observed', () => {
    const average = new PeakEwma();
    average.observe(100, 0);
    expect(average.value(10_000)).to.be.closeTo(100 / Math.E, 0.01);
  });
});
