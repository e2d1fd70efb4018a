import { expect } from 'chai';
import { array, element, map, record, string } from '../../shared/schema/field.ts';
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

  it('are found at every depth, by the very name first, and may stand for an empty text', () => {
    const secret = string({ ...element, referenceable: true });
    const deep = record({
      values: map(string(element), secret),
      list: array(record({ inner: record({ secret }) }, element)),
    });
    const value = {
      values: { one: '{vault://env/lower}', two: '{vault://env/EMPTY}' },
      list: [{ inner: { secret: '{vault://env/X_1}' } }, { inner: null }],
    };
    const env = { lower: 'exact', LOWER: 'upper', EMPTY: '', X_1: 'deep' };
    expect(resolveReferences(deep, value, env)).to.deep.equal({
      value: { values: { one: 'exact', two: '' }, list: [{ inner: { secret: 'deep' } }, { inner: null }] },
      faults: [],
    });
  });

  it('name the path of what the node lacks, and quote no value of its environment', () => {
    const value = { plain: null, secret: '{vault://env/GONE}', list: ['{vault://env/THERE}'] };
    const { faults } = resolveReferences(field, value, { THERE: 'planted' });
    expect(faults.map(({ path }) => path)).to.deep.equal([['secret']]);
    expect(JSON.stringify(faults)).to.not.contain('planted');
  });

  for (const odd of ['{vault://env/}', '{vault://env/1A}', '{vault://env/A B}', '{vault://env/A/x}', '{vault://}']) {
    it(`such as ${odd} are a fault`, () => {
      const { faults } = resolveReferences(field, { plain: null, secret: odd, list: [] }, { A: 'a', '1A': 'b' });
      expect(faults).to.have.length(1);
    });
  }

  it('that cannot be resolved are faults under their paths', () => {
    const value = { plain: null, secret: '{vault://env/GONE}', list: ['{vault://hcv/x}'] };
    expect(resolveReferences(field, value, {}).faults).to.deep.equal([
      { path: ['secret'], message: 'cannot resolve {vault://env/GONE}: the node has no such variable' },
      { path: ['list', 0], message: 'cannot resolve {vault://hcv/x}: only {vault://env/NAME} is known' },
    ]);
  });
});
