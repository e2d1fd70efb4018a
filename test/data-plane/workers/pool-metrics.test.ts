import { expect } from 'chai';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { addEnded, summedRegistry } from '../../../data-plane/workers/pool-metrics.ts';

/** The metrics of a worker that has answered so many requests. */
async function worker(requests: number) {
  const registry = new Registry();
  const registers = [registry];
  new Counter({ name: 'requests_total', help: 'h', labelNames: ['route'], registers }).inc({ route: 'a' }, requests);
  new Gauge({ name: 'in_flight', help: 'h', registers }).set(1);
  new Gauge({ name: 'limit', help: 'h', aggregator: 'max', registers }).set(10);
  new Counter({ name: 'applies_total', help: 'h', aggregator: 'max', registers }).inc(2);
  new Histogram({ name: 'duration', help: 'h', buckets: [1], registers }).observe(0.5);
  return registry.getMetricsAsJSON();
}

describe('the metrics of several workers', () => {
  it('are summed, but for those that are the same everywhere', async () => {
    const text = await summedRegistry([await worker(2), await worker(3)]).metrics();
    expect(text).to.contain('requests_total{route="a"} 5');
    expect(text).to.contain('in_flight 2');
    expect(text).to.contain('limit 10');
    expect(text).to.contain('applies_total 2');
    expect(text).to.contain('duration_bucket{le="1"} 2');
    expect(text).to.contain('duration_count 2');
  });

  it('never fall when a worker ends: what it counted stays, its gauges go', async () => {
    const ended = await addEnded(await addEnded([], await worker(2)), await worker(4));
    const text = await summedRegistry([await worker(1), ended]).metrics();
    expect(text).to.contain('requests_total{route="a"} 7');
    expect(text).to.contain('duration_count 3');
    expect(text).to.contain('in_flight 1');
    expect(text).to.contain('applies_total 2');
  });
});
