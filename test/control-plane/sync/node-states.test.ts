import { expect } from 'chai';
import { nodeState, type NodeFacts, type NodeState } from '../../../control-plane/sync/node-states.ts';

const base: NodeFacts = {
  connected: true,
  compatible: true,
  expectedHash: 'new',
  appliedHash: 'new',
  rejectedHash: undefined,
  behindSinceMs: undefined,
  nowMs: 100_000,
};

describe('nodeState', () => {
  const cases: readonly (readonly [what: string, facts: Partial<NodeFacts>, state: NodeState])[] = [
    ['runs the expected hash', {}, 'in_sync'],
    ['is away, whatever else', { connected: false, compatible: false, rejectedHash: 'new' }, 'offline'],
    ['is refused, whatever else', { compatible: false, rejectedHash: 'new' }, 'incompatible'],
    ['rejected the newest', { appliedHash: 'old', rejectedHash: 'new', behindSinceMs: 1 }, 'rejected'],
    ['rejected an older one', { rejectedHash: 'old' }, 'in_sync'],
    ['is behind for 9,999 ms', { appliedHash: 'old', behindSinceMs: 90_001 }, 'pending'],
    ['is behind for 10 s', { appliedHash: 'old', behindSinceMs: 90_000 }, 'stale'],
    ['waits for the first snapshot', { expectedHash: undefined, appliedHash: undefined }, 'pending'],
  ];
  for (const [what, facts, state] of cases) {
    it(`is ${state} when the node ${what}`, () => {
      expect(nodeState({ ...base, ...facts })).to.equal(state);
    });
  }
});
