import { expect } from 'chai';
import { NodeState } from '../../../data-plane/plugin-api/node-state.ts';
import { silentLogger } from '../../../shared/log.ts';
import { noMetrics } from '../../helpers/plugins.ts';

describe('NodeState', () => {
  it('makes each value once, with the parts of the node', () => {
    const parts = { log: silentLogger(), metrics: noMetrics };
    const state = new NodeState(parts);
    const make = (given: typeof parts) => ({ given });
    const other = () => ({ n: 2 });
    expect(state.of(make)).to.equal(state.of(make));
    expect(state.of(make).given).to.equal(parts);
    expect(state.of(other)).to.deep.equal({ n: 2 });
  });
});
