import { expect } from 'chai';
import { clusterDestination } from '../../../data-plane/status/cluster-destination.ts';

describe('clusterDestination', () => {
  const rows = [
    ['connected', null, 'reachable', null],
    ['connecting', null, 'untested', null],
    ['connecting', 'no route', 'unreachable', 'no route'],
    ['failing', 'wrong password', 'unreachable', 'wrong password'],
    ['failing', null, 'unreachable', 'no broker answered'],
  ] as const;
  for (const [state, error, expected, told] of rows) {
    it(`is ${expected} for a cluster that is ${state} with ${error === null ? 'no error' : 'an error'}`, () => {
      const destination = clusterDestination({ name: 'orders', brokers: 'b:9092', state, error });
      expect(destination).to.deep.equal({ kind: 'cluster', name: 'orders', state: expected, error: told });
    });
  }
});
