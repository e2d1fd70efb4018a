import { expect } from 'chai';
import { array, assert, boolean, integer, nat, option, property, record } from 'fast-check';
import type { PickInput } from '../../../../data-plane/upstreams/balancers/balancer.ts';
import { balancers, type Algorithm } from '../../../../data-plane/upstreams/balancers/balancers.ts';
import { latency } from '../../../../data-plane/upstreams/balancers/latency.ts';
import { leastConnections } from '../../../../data-plane/upstreams/balancers/least-connections.ts';
import type { Endpoint, WeightedEndpoint } from '../../../../data-plane/upstreams/endpoint.ts';
import { hashText } from '../../../../data-plane/upstreams/hash-text.ts';
import { makeEndpoint } from '../endpoints.ts';

const algorithms: readonly Algorithm[] = ['round-robin', 'least-connections', 'consistent-hashing', 'latency'];

function input(overrides: Partial<PickInput> = {}): PickInput {
  return { hash: undefined, tried: new Set(), nowMs: 0, ...overrides };
}

function weighted(weights: readonly number[]): WeightedEndpoint[] {
  return weights.map((weight, index) => ({ endpoint: makeEndpoint(`10.0.0.${index + 1}`), weight }));
}

/** Returns how often each endpoint was picked. */
function countPicks(picks: readonly (Endpoint | undefined)[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const endpoint of picks)
    counts.set(endpoint?.address ?? 'none', (counts.get(endpoint?.address ?? 'none') ?? 0) + 1);
  return counts;
}

describe('balancers', () => {
  for (const algorithm of algorithms) {
    describe(algorithm, () => {
      it('picks only healthy endpoints with a weight that were not tried, and one of them while there is one', () => {
        const endpointArbitrary = record({
          weight: integer({ min: 0, max: 3 }),
          healthy: boolean(),
          tried: boolean(),
        });
        assert(
          property(array(endpointArbitrary, { maxLength: 6 }), option(nat(), { nil: undefined }), (rows, hash) => {
            const entries = rows.map((row, index) => ({ ...row, endpoint: makeEndpoint(`10.0.0.${index}`) }));
            for (const { endpoint, healthy } of entries) endpoint.health.set(healthy);
            const tried = new Set(entries.filter((entry) => entry.tried).map(({ endpoint }) => endpoint));
            const allowed = entries
              .filter((entry) => entry.weight > 0 && entry.healthy && !entry.tried)
              .map(({ endpoint }) => endpoint);
            const picked = balancers[algorithm](entries).pick(input({ hash, tried }));
            if (allowed.length === 0) expect(picked).to.equal(undefined);
            else expect(allowed).to.include(picked);
          }),
        );
      });
    });
  }

  it('round-robin gives each endpoint exactly its share, spread evenly', () => {
    const balancer = balancers['round-robin'](weighted([5, 1, 1]));
    const picks = Array.from({ length: 7 }, () => balancer.pick(input()));
    expect(Object.fromEntries(countPicks(picks))).to.deep.equal({ '10.0.0.1': 5, '10.0.0.2': 1, '10.0.0.3': 1 });
    expect(picks.map((endpoint) => endpoint?.address).join()).not.to.include('10.0.0.2,10.0.0.3');
  });

  it('least-connections takes the least loaded for its weight, and turns among equals', () => {
    const entries = weighted([1, 2]);
    const [small, large] = entries.map(({ endpoint }) => endpoint);
    const balancer = leastConnections(entries);
    if (small === undefined || large === undefined) throw new Error('no endpoints');
    large.inFlight = 2;
    expect(balancer.pick(input())).to.equal(small);
    small.inFlight = 1;
    expect(balancer.pick(input())).to.equal(large);
    const turns = leastConnections(weighted([1, 1, 1]));
    const picks = Array.from({ length: 3 }, () => turns.pick(input())?.address);
    expect(new Set(picks).size).to.equal(3);
  });

  it('latency prefers the endpoint that answers sooner', () => {
    const entries = weighted([1, 1]);
    const [slow, fast] = entries.map(({ endpoint }) => endpoint);
    slow?.latency.observe(200, 0);
    fast?.latency.observe(5, 0);
    const balancer = latency(entries);
    const picks = Array.from({ length: 50 }, () => balancer.pick(input()));
    expect(countPicks(picks).get('10.0.0.2')).to.equal(50);
  });

  describe('consistent-hashing', () => {
    const hashes = Array.from({ length: 2_000 }, (_, index) => hashText(`user-${index}`));

    it('gives the same hash to the same endpoint, and shares by weight', () => {
      const make = () => balancers['consistent-hashing'](weighted([300, 100]));
      const picks = hashes.map((hash) => make().pick(input({ hash }))?.address);
      const again = make();
      expect(hashes.map((hash) => again.pick(input({ hash }))?.address)).to.deep.equal(picks);
      expect(picks.filter((address) => address === '10.0.0.1').length / picks.length).to.be.within(0.7, 0.8);
    });

    it('moves only the hashes of an endpoint that goes', () => {
      const all = weighted([1, 1, 1, 1]);
      const before = balancers['consistent-hashing'](all);
      const after = balancers['consistent-hashing'](all.slice(0, 3));
      const moved = hashes.filter((hash) => {
        const was = before.pick(input({ hash }));
        return was !== all[3]?.endpoint && was !== after.pick(input({ hash }));
      });
      expect(moved).to.deep.equal([]);
    });
  });
});
