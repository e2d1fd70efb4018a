import { expect } from 'chai';
import { type RouteCounts, type TrafficCounts, TrafficReports } from '../../../data-plane/source/traffic-reports.ts';
import { RouteMeter } from '../../../data-plane/status/route-meter.ts';
import { LatencyCounts } from '../../../shared/latency-counts.ts';
import { NodeHeartbeat } from '../../helpers/heartbeat.ts';

describe('the traffic that a node tells', () => {
  const produce = new LatencyCounts();
  const node = (routes: ReadonlyMap<string, RouteCounts>): TrafficCounts => ({
    routes: () => routes,
    produce: () => produce,
    queue: () => ({ records: 1, bytes: 2, oldestMs: 3.4 }),
  });
  const told = (reports: TrafficReports, bytes = 40_000) =>
    (reports.take(bytes).routes ?? []).map(({ routeId, base, answers }) => [
      routeId,
      base,
      (answers ?? []).map(({ name, count }) => `${name}=${String(count)}`).join(' '),
    ]);

  it('tells a route with counts of before as a base, and one that begins now as traffic', () => {
    const [before, now] = [new RouteMeter('before'), new RouteMeter('now')];
    const routes = new Map([
      ['id-before', before],
      ['id-now', now],
    ]);
    before.count(200);
    const reports = new TrafficReports(node(routes));
    now.count(200);
    expect(told(reports)).to.deep.equal([
      ['id-before', true, '200=1'],
      ['id-now', false, '200=1'],
    ]);
  });

  it('tells only what has changed', () => {
    const [a, b] = [new RouteMeter('a'), new RouteMeter('b')];
    const routes = new Map([
      ['a', a],
      ['b', b],
    ]);
    const reports = new TrafficReports(node(routes));
    expect(told(reports), 'routes without traffic').to.deep.equal([]);
    a.count(200);
    expect(told(reports)).to.deep.equal([['a', false, '200=1']]);
    expect(told(reports)).to.deep.equal([]);
    a.count(204);
    b.count(200);
    expect(told(reports)).to.deep.equal([
      ['b', false, '200=1'],
      ['a', false, '200=1 204=1'],
    ]);
  });

  it('tells what does not fit the next time, longest unsent first', () => {
    const routes = new Map(Array.from({ length: 10 }, (_one, n) => [`route-${n}`, new RouteMeter(`${n}`)] as const));
    const reports = new TrafficReports(node(routes));
    for (const meter of routes.values()) meter.count(200);
    const first = told(reports, 300).map(([id]) => id);
    expect(first.length).to.be.within(1, 9);
    for (const meter of routes.values()) meter.count(200);
    const second = told(reports, 300).map(([id]) => id);
    expect(second.filter((id) => first.includes(id))).to.deep.equal([]);
  });

  it('takes the counts of a name that went to another route as its base', () => {
    const meter = new RouteMeter('orders');
    let id = 'old';
    const reports = new TrafficReports({ ...node(new Map()), routes: () => new Map([[id, meter]]) });
    meter.count(200);
    told(reports);
    id = 'new';
    meter.count(200);
    expect(told(reports)).to.deep.equal([['new', true, '200=2']]);
  });

  it('stays within the bytes of a heartbeat with 5,000 busy routes', () => {
    const routes = new Map(
      Array.from({ length: 5_000 }, (_one, n) => {
        const meter = new RouteMeter(`${n}`);
        for (const status of [200, 422, 503]) meter.count(status);
        for (let ms = 0.3; ms < 10_000; ms *= 1.3) meter.observe(ms / 1_000);
        return [`00000000-0000-4000-8000-${String(n).padStart(12, '0')}`, meter] as const;
      }),
    );
    const reports = new TrafficReports(node(routes));
    const traffic = reports.take(40 * 1024);
    expect(NodeHeartbeat.bytes({ requestsTotal: 0, clusters: [], traffic })).to.be.below(41 * 1024);
    expect(traffic.routes?.length).to.be.above(20);
  });
});
