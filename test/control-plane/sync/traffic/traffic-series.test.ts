import { expect } from 'chai';
import { stepsMax, TrafficSeries } from '../../../../control-plane/sync/traffic/traffic-series.ts';

describe('a series of traffic', () => {
  const at = (series: TrafficSeries, step: number) => Object.fromEntries(series.at(step));

  it('adds up within a step and keeps the steps before', () => {
    const series = new TrafficSeries();
    series.add(1_000, 7, 1);
    series.add(1_000, 7, 2);
    series.add(1_000, 8, 5);
    series.add(1_003, 7, 4);
    expect(at(series, 1_000)).to.deep.equal({ 7: 3, 8: 5 });
    expect(at(series, 1_001)).to.deep.equal({});
    expect(at(series, 1_003)).to.deep.equal({ 7: 4 });
    expect(at(series, 1_004), 'a step to come').to.deep.equal({});
  });

  it('forgets steps after 15 minutes, also after a pause of any length', () => {
    for (const pause of [1, stepsMax - 1, stepsMax, stepsMax + 1, 10 * stepsMax]) {
      const series = new TrafficSeries();
      series.add(5, 1, 1);
      series.add(5 + pause, 1, 2);
      expect(at(series, 5), `after ${pause} steps`).to.deep.equal(pause < stepsMax ? { 1: 1 } : {});
      for (let step = 6; step < 5 + pause; step += 1) expect(at(series, step)).to.deep.equal({});
      expect(at(series, 5 + pause)).to.deep.equal({ 1: 2 });
    }
  });
});
