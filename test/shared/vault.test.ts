import { expect } from 'chai';
import { array, element, map, record, string } from '../../shared/schema/field.ts';
import { resolveReferences, vaultEnvironment } from '../../shared/vault.ts';

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

  it('are found at every depth, by the exact name first, and may be an empty text', () => {
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

  it('name the path of a missing variable, and quote no value of the environment', () => {
    const value = { plain: null, secret: '{vault://env/GONE}', list: ['{vault://env/THERE}'] };
    const { faults } = resolveReferences(field, value, { THERE: 'planted' });
    expect(faults.map(({ path }) => path)).to.deep.equal([['secret']]);
    expect(JSON.stringify(faults)).to.not.contain('planted');
  });

  it('take members of a variable that holds a JSON object', () => {
    const env = { LOGIN: '{"user":"u","n":1,"__proto__":"p"}', PLAIN: 'secret', LIST: '[1]' };
    const of = (secret: string) => resolveReferences(field, { plain: null, secret, list: [] }, env);
    expect(of('{vault://env/login/user}').value.secret).to.equal('u');
    expect(of('{vault://env/LOGIN/__proto__}').value.secret).to.equal('p');
    const reasons: readonly (readonly [reference: string, reason: string])[] = [
      ['{vault://env/LOGIN/n}', "the variable's JSON object has a member of this name that is no string"],
      ['{vault://env/LOGIN/gone}', "the variable's JSON object has no such member"],
      ['{vault://env/LOGIN/toString}', "the variable's JSON object has no such member"],
      ['{vault://env/PLAIN/user}', 'the variable holds no JSON object'],
      ['{vault://env/LIST/0}', 'the variable holds no JSON object'],
      ['{vault://env/GONE/user}', 'the node has no such variable'],
    ];
    for (const [reference, reason] of reasons) {
      expect(of(reference).faults.map(({ message }) => message)).to.deep.equal([
        `cannot resolve ${reference}: ${reason}`,
      ]);
    }
  });

  it('are faults under their paths when they cannot be resolved', () => {
    const value = { plain: null, secret: '{vault://env/GONE}', list: ['{vault://hcv/x}'] };
    expect(resolveReferences(field, value, {}).faults).to.deep.equal([
      { path: ['secret'], message: 'cannot resolve {vault://env/GONE}: the node has no such variable' },
      {
        path: ['list', 0],
        message:
          "cannot resolve {vault://hcv/x}: cannot be resolved by any node: there is no vault 'hcv'; expected {vault://env/NAME} or {vault://env/NAME/KEY}",
      },
    ]);
  });
});

describe('vaultEnvironment', () => {
  const env = {
    KAFKA_PASSWORD: 'k',
    KAFKA_: 'empty name',
    OTHER: 'o',
    SLUICE_ADMIN_TOKEN: 'env:TOKEN',
    TOKEN: 't',
    sluice_x: 'x',
  };
  const cases: readonly (readonly [title: string, prefix: string | undefined, expected: object])[] = [
    [
      'all but the own settings and what they point to',
      undefined,
      { KAFKA_PASSWORD: 'k', KAFKA_: 'empty name', OTHER: 'o' },
    ],
    ['what begins with the prefix, without it', 'KAFKA_', { PASSWORD: 'k' }],
    ['the same for a prefix in lower case', 'kafka-', { PASSWORD: 'k' }],
    ['nothing of the own settings, whatever the prefix', 'SLUICE_', {}],
    ['nothing where none begins so', 'NONE_', {}],
  ];
  for (const [title, prefix, expected] of cases) {
    it(`shows ${title}`, () => {
      expect(vaultEnvironment(env, prefix)).to.deep.equal(expected);
    });
  }

  it('lets a reference read the variable with the prefix', () => {
    const { value } = resolveReferences(
      field,
      { plain: null, secret: '{vault://env/password}', list: ['{vault://env/PASSWORD}'] },
      vaultEnvironment(env, 'KAFKA_'),
    );
    expect(value).to.deep.equal({ plain: null, secret: 'k', list: ['k'] });
  });
});
