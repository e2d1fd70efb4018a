import { expect } from 'chai';
import { stateOfTarget } from '../../shared/target-health.ts';

describe('stateOfTarget', () => {
  const failing = [
    { target: 'a:80', state: 'UNHEALTHY' as const },
    { target: 'b:80', state: 'DNS_ERROR' as const },
  ];

  it('is what is told of a target, else what the checks of its upstream say', () => {
    const checked = { upstreamId: 'u', isChecked: true, failing };
    expect(['a:80', 'b:80', 'c:80'].map((target) => stateOfTarget(checked, target))).to.deep.equal([
      'UNHEALTHY',
      'DNS_ERROR',
      'HEALTHY',
    ]);
    expect(stateOfTarget({ ...checked, isChecked: false }, 'c:80')).to.equal('HEALTHCHECKS_OFF');
  });
});
