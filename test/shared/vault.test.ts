import { expect } from 'chai';
import { array, element, record, string } from '../../shared/schema/field.ts';
import { resolveReferences } from '../../shared/vault.ts';

const field = record(
  {
    plain: string(),
    secret: string({ referenceable: true }),
    list: array(string({ ...element, referenceable: true }), { default: [] }),
  },
  { required: true },
);

describe('references', () => {
  it('are replaced in referenceable fields only', () => {
    const value = { plain: '{vault://env/A}', secret: '{vault://env/A}', list: ['x', '{vault://env/my-name}'] };
    expect(resolveReferences(field, value, { A: 'a', MY_NAME: 'n' })).to.deep.equal({
      value: { plain: '{vault://env/A}', secret: 'a', list: ['x', 'n'] },
      faults: [],
    });
  });

  it('that cannot be resolved are faults under their paths', () => {
    const value = { plain: null, secret: '{vault://env/GONE}', list: ['{vault://hcv/x}'] };
    expect(resolveReferences(field, value, {}).faults).to.deep.equal([
      { path: ['secret'], message: 'cannot resolve {vault://env/GONE}: the node has no such variable' },
      { path: ['list', 0], message: 'cannot resolve {vault://hcv/x}: only {vault://env/NAME} is known' },
    ]);
  });
});
