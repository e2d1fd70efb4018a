import { expect } from 'chai';
import { TrafficBook } from '../../../../control-plane/sync/traffic/traffic-book.ts';
import type { Session } from '../../../../control-plane/sync/node-session-types.ts';
import type { Traffic__Output } from '../../../../shared/generated/sluice/sync/v1/Traffic.ts';

const session = (): Session => ({
  offer: () => undefined,
  hasRejected: () => false,
  adopt: () => undefined,
  isStranger: false,
  tryRequest: async () => undefined,
  setTargetHealth: () => undefined,
  replaced: () => undefined,
  goaway: () => undefined,
});

interface Told {
  readonly base?: boolean;
  readonly acked?: number;
  readonly status?: Readonly<Record<string, number>>;
  readonly buckets?: Readonly<Record<number, number>>;
  readonly pointers?: Readonly<Record<string, number>>;
}

const counts = (of: Readonly<Record<string, number>> = {}) =>
  Object.entries(of).map(([name, count]) => ({ name, count: String(count) }));
const latency = (of: Readonly<Record<number, number>> = {}) => ({
  buckets: Object.keys(of).map(Number),
  counts: Object.values(of).map(String),
});

function traffic(
  routes: Readonly<Record<string, Told>>,
  produce: Readonly<Record<number, number>> = {},
): Traffic__Output {
  return {
    routes: Object.entries(routes).map(([routeId, { base = false, acked = 0, status = {}, buckets, pointers }]) => ({
      routeId,
      base,
      outcomes: counts(acked === 0 ? {} : { acked }),
      answers: counts(status),
      latency: latency(buckets),
      pointers: counts(pointers),
    })),
    produce: latency(produce),
    queueRecords: '3',
    queueBytes: '40',
    queueOldestMs: '1500',
  };
}

describe('the traffic of the fleet', () => {
  let nowMs: number;
  let book: TrafficBook;
  beforeEach(() => {
    nowMs = 1_700_000_000_000;
    book = new TrafficBook(() => nowMs);
  });
  const total = (of: Parameters<TrafficBook['view']>[0]) => book.view(of, nowMs - 900_000).total;
  const all = { kind: 'all' } as const;
  const route = (id: string) => ({ kind: 'route', id }) as const;

  it('subtracts, over routes and nodes', () => {
    const [a, b] = [session(), session()];
    book.add(a, 'node-a', traffic({ r: { acked: 2, status: { 200: 2 } } }));
    book.add(b, 'node-b', traffic({ r: { acked: 1, status: { 200: 1, 422: 1, SCHEMA_VALIDATION_FAILED: 1 } } }));
    nowMs += 10_000;
    book.add(a, 'node-a', traffic({ r: { acked: 5, status: { 200: 5 } }, s: { status: { 404: 1 } } }));
    expect(total(all)).to.deep.include({
      answers_total: 8,
      records: { acked: 6 },
      answers: { 200: 6, 422: 1, SCHEMA_VALIDATION_FAILED: 1, 404: 1 },
    });
    expect(total(route('r'))).to.deep.include({ answers_total: 7, records: { acked: 6 } });
    expect(total({ kind: 'node', id: 'node-a' })).to.deep.include({ answers_total: 6, records: { acked: 5 } });
    const { steps, routes } = book.view(all, nowMs - 900_000);
    expect(steps).to.have.length(90);
    expect(steps.slice(-2).map(({ answers_total: answers }) => answers)).to.deep.equal([4, 4]);
    expect(routes?.map((line) => ('id' in line ? line.id : ''))).to.deep.equal(['r', 's']);
  });

  it('takes the first counts after a reconnect as a base, and lower ones as a new beginning', () => {
    const [first, second] = [session(), session()];
    book.add(first, 'n', traffic({ r: { status: { 200: 10 } } }));
    book.ended(first);
    book.add(second, 'n', traffic({ r: { base: true, status: { 200: 15 } } }));
    expect(total(route('r')).answers_total).to.equal(10);
    book.add(second, 'n', traffic({ r: { status: { 200: 18 } } }));
    expect(total(route('r')).answers_total).to.equal(13);
    book.add(second, 'n', traffic({ r: { status: { 200: 4 } } }));
    expect(total(route('r')).answers_total).to.equal(17);
  });

  it('tells quantiles, queues, pointers and how many nodes are counted', () => {
    const [a, b] = [session(), session()];
    book.add(
      a,
      'a',
      traffic({ r: { status: { 200: 100 }, buckets: { 8: 98, 12: 2 }, pointers: { '/amount': 3 } } }, { 4: 1 }),
    );
    book.add(a, 'a', traffic({}, { 4: 1, 8: 9 }));
    book.add(b, 'b', traffic({}));
    expect(total(route('r')).latency).to.deep.equal({ p50_ms: 1, p99_ms: 2 });
    expect(total({ kind: 'node', id: 'a' }).produce, 'the first of a stream is a base').to.deep.equal({
      p50_ms: 1,
      p99_ms: 1,
    });
    const view = book.view(route('r'), 0);
    expect(view.nodes_counted).to.equal(2);
    expect(view).to.deep.include({ pointers: [{ pointer: '/amount', count: 3 }] });
    expect(book.view(all, 0)).to.deep.include({ queue: { records: 6, bytes: 80, oldest_ms: 1_500 } });
    expect(book.view({ kind: 'node', id: 'b' }, 0)).to.deep.include({
      queue: { records: 3, bytes: 40, oldest_ms: 1_500 },
    });
    book.ended(b);
    expect(book.counted).to.equal(1);
  });

  it('keeps 1,000 routes apart and counts the rest as one', () => {
    const node = session();
    for (let from = 0; from < 1_200; from += 200) {
      const routes = Array.from({ length: 200 }, (_one, n) => [`r${from + n}`, { status: { 200: 1 } }] as const);
      book.add(node, 'n', traffic(Object.fromEntries(routes)));
    }
    expect(total(all).answers_total).to.equal(1_200);
    expect(total(route('others')).answers_total).to.equal(200);
    expect(book.view(all, 0).routes).to.have.length(100);
    // After 15 minutes without traffic the lines are free for others.
    nowMs += 16 * 60_000;
    book.add(node, 'n', traffic({ late: { status: { 200: 1 } } }));
    expect(total(route('late')).answers_total).to.equal(1);
  });

  it('reads no more of a heartbeat than its bounds', () => {
    const node = session();
    const status = Object.fromEntries(Array.from({ length: 5_000 }, (_one, n) => [`C${n}`, 1]));
    book.add(node, 'n', traffic({ '': { status: { 404: 1, ...status } } }));
    expect(Object.keys(total(route('unmatched')).answers).length).to.be.at.most(200);
    const odd = traffic({ r: { buckets: { 73: 5, 4_000_000_000: 1 }, status: { 200: 1 } } });
    book.add(node, 'n', odd);
    expect(total(route('r')).latency).to.equal(null);
  });
});
