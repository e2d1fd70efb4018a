import { expect } from 'chai';
import { Registry } from 'prom-client';
import { RequestError } from '../../../shared/errors.ts';
import { createRequestMetrics, type RequestMetrics } from '../../../data-plane/status/request-metrics.ts';

describe('the metrics of requests', () => {
  let registry: Registry;
  let metrics: RequestMetrics;

  beforeEach(() => {
    registry = new Registry();
    metrics = createRequestMetrics({ registry, inFlight: () => 3 });
  });

  async function lines(name: string): Promise<string[]> {
    return (await registry.metrics()).split('\n').filter((line) => line.startsWith(name));
  }

  it('count answers by route and status, and errors by route and code', async () => {
    const orders = metrics.meterOf('orders');
    orders.count(200);
    const error = new RequestError('KAFKA_UNAVAILABLE', 'no broker');
    orders.count(503, { outcome: 'not_sent', error });
    orders.count(503, { outcome: 'not_sent', error });
    metrics.unmatched.count(404);
    expect(await lines('sluice_http_requests_total')).to.have.members([
      'sluice_http_requests_total{route="orders",status="200"} 1',
      'sluice_http_requests_total{route="orders",status="503"} 2',
      'sluice_http_requests_total{route="",status="404"} 1',
    ]);
    expect(await lines('sluice_http_errors_total')).to.deep.equal([
      'sluice_http_errors_total{route="orders",code="KAFKA_UNAVAILABLE"} 2',
    ]);
  });

  it('are a cumulated histogram of durations a route', async () => {
    const orders = metrics.meterOf('orders');
    for (const seconds of [0.001, 0.0011, 0.3, 31]) orders.observe(seconds);
    const name = 'sluice_http_request_duration_seconds';
    const text = await registry.metrics();
    expect(text).to.contain(`# TYPE ${name} histogram`);
    const shown = await lines(name);
    for (const [le, count] of [
      ['0.001', 1],
      ['0.0025', 2],
      ['0.25', 2],
      ['0.5', 3],
      ['30', 3],
      ['+Inf', 4],
    ]) {
      expect(shown).to.include(`${name}_bucket{route="orders",le="${le}"} ${count}`);
    }
    expect(shown).to.include(`${name}_count{route="orders"} 4`);
    expect(shown.find((line) => line.startsWith(`${name}_sum`))).to.match(/\{route="orders"\} 31\.302/);
    expect(shown.join()).to.not.include('route=""');
  });

  it('forget the routes that are gone, and keep the one for requests without a route', async () => {
    metrics.meterOf('gone').count(200);
    metrics.meterOf('kept').count(200);
    metrics.unmatched.count(404);
    metrics.keepOnly(new Set(['kept']));
    const text = (await lines('sluice_http_requests_total')).join();
    expect(text).to.include('kept').and.include('404').and.not.include('gone');
    expect(metrics.meterOf('kept').statuses.get(200)).to.equal(1);
  });

  it('show requests in flight, clients gone and the number of answers', async () => {
    metrics.countClientGone();
    metrics.countAnswered();
    metrics.countAnswered();
    expect(await lines('sluice_http_requests_in_flight')).to.deep.equal(['sluice_http_requests_in_flight 3']);
    expect(await lines('sluice_http_clients_gone_total')).to.deep.equal(['sluice_http_clients_gone_total 1']);
    expect(metrics.total()).to.equal(2);
  });
});
