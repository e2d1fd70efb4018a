import { expect } from 'chai';
import { isReference, parseReference } from '../../shared/vault-reference.ts';

const tail = '; expected {vault://env/NAME} or {vault://env/NAME/KEY}';

describe('parseReference', () => {
  const good: readonly (readonly [text: string, name: string, key: string | undefined])[] = [
    ['{vault://env/NAME}', 'NAME', undefined],
    ['{vault://env/my-name}', 'my-name', undefined],
    ['{vault://env/_x1}', '_x1', undefined],
    ['{vault://env/name/key}', 'name', 'key'],
    ['{vault://env/NAME/a key.1}', 'NAME', 'a key.1'],
  ];
  for (const [text, name, key] of good) {
    it(`takes ${text}`, () => {
      expect(isReference(text)).to.equal(true);
      expect(parseReference(text)).to.deep.equal({ kind: 'reference', reference: { name, key } });
    });
  }

  const bad: readonly (readonly [text: string, reason: string])[] = [
    ['{vault://aws/secret/key}', "there is no vault 'aws'"],
    ['{vault://hcv/x}', "there is no vault 'hcv'"],
    ['{vault://}', "there is no vault ''"],
    ['{vault://env}', 'it names no variable'],
    ['{vault://env/}', 'it names no variable'],
    ['{vault://env/1A}', 'it names no variable'],
    ['{vault://env/A B}', 'it names no variable'],
    ['{vault://env/A?ttl=1}', 'it names no variable'],
    ['{vault://env//key}', 'it names no variable'],
    ['{vault://env/A/}', 'it names no member of the variable'],
    ['{vault://env/a/b/c}', 'it names no member of the variable'],
    ['{vault://env/SLUICE_ADMIN_TOKEN}', "it names a variable of Sluice's own settings"],
    ['{vault://env/sluice-keyring}', "it names a variable of Sluice's own settings"],
  ];
  for (const [text, reason] of bad) {
    it(`refuses ${text}`, () => {
      expect(isReference(text)).to.equal(true);
      expect(parseReference(text)).to.deep.equal({
        kind: 'fault',
        message: `cannot be resolved by any node: ${reason}${tail}`,
      });
    });
  }

  for (const text of ['vault://env/X', '{vault://env/X', '{vault:/env/X}', ' {vault://env/X}']) {
    it(`leaves ${text} a text`, () => {
      expect(isReference(text)).to.equal(false);
    });
  }
});
