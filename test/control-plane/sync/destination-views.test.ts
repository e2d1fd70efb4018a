import { expect } from 'chai';
import { destinationViews } from '../../../control-plane/sync/destination-views.ts';
import type { NodeEntry } from '../../../control-plane/sync/node-entry.ts';
import type { Destination } from '../../../shared/destination.ts';

const cluster = (name: string, state: Destination['state'], error: string | null = null): Destination => ({
  kind: 'cluster',
  name,
  state,
  error,
});
const node = (id: string, ...items: Destination[]): Pick<NodeEntry, 'record' | 'destinations'> => ({
  // Only the id is read.
  record: { id } as NodeEntry['record'],
  destinations: { hash: '', items, omitted: 0 },
});

describe('the destinations of the fleet', () => {
  it('joins what the nodes tell, with the worst state and each reason once', () => {
    const views = destinationViews([
      node('a', cluster('ok', 'reachable'), cluster('orders', 'unreachable', 'refused')),
      node('b', cluster('orders', 'unreachable', 'refused'), cluster('new', 'untested')),
      node('c', cluster('orders', 'reachable')),
      { record: { id: 'd' } as NodeEntry['record'], destinations: undefined },
    ]);
    expect(views).to.deep.equal([
      {
        kind: 'cluster',
        name: 'orders',
        state: 'unreachable',
        nodes: { reachable: 1, unreachable: 2, untested: 0 },
        errors: [{ error: 'refused', nodes: ['a', 'b'], nodes_total: 2 }],
      },
      {
        kind: 'cluster',
        name: 'new',
        state: 'untested',
        nodes: { reachable: 0, unreachable: 0, untested: 1 },
        errors: [],
      },
      {
        kind: 'cluster',
        name: 'ok',
        state: 'reachable',
        nodes: { reachable: 1, unreachable: 0, untested: 0 },
        errors: [],
      },
    ]);
  });

  it('bounds reasons and the nodes of a reason', () => {
    const [view] = destinationViews(
      Array.from({ length: 100 }, (_one, n) => node(`n${n}`, cluster('k', 'unreachable', `reason ${n % 12}`))),
    );
    expect(view?.errors).to.have.length(10);
    expect(view?.nodes.unreachable).to.equal(100);
    const [same] = destinationViews(
      Array.from({ length: 50 }, (_one, n) => node(`n${n}`, cluster('k', 'unreachable', 'x'))),
    );
    expect(same?.errors[0]?.nodes).to.have.length(20);
    expect(same?.errors[0]?.nodes_total).to.equal(50);
  });
});
