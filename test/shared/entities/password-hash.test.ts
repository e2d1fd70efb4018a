import { scryptSync } from 'node:crypto';
import { expect } from 'chai';
import {
  checkPassword,
  hashDocumentPassword,
  hashPassword,
  isClearPassword,
  parsePasswordHash,
} from '../../../shared/entities/password-hash.ts';

const id = 'eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee';

describe('hashes of passwords', () => {
  it('are scrypt of the password with N 16384, r 8 and p 1, under a salt of their own', async () => {
    const [first, second] = [await hashPassword('pässword', undefined), await hashPassword('pässword', undefined)];
    expect(first)
      .to.match(/^\$scrypt\$ln=14,r=8,p=1\$/)
      .and.not.equal(second);
    const { salt, hash } = parsePasswordHash(first) ?? {};
    expect(salt).to.have.length(16);
    expect(hash).to.deep.equal(scryptSync('pässword', salt ?? '', 32, { N: 16_384, r: 8, p: 1 }));
  });

  it('keep the salt of a known hash, so that an equal password changes nothing', async () => {
    const known = await hashPassword('a', undefined);
    expect(await hashPassword('a', known)).to.equal(known);
    expect(await hashPassword('b', known)).not.to.equal(known);
    expect(await hashPassword('a', 'not a hash')).not.to.equal(known);
  });

  it('follow from the id in a document', () => {
    expect(hashDocumentPassword('a', id)).to.equal(hashDocumentPassword('a', id));
    expect(hashDocumentPassword('a', id.replace('e', 'f'))).not.to.equal(hashDocumentPassword('a', id));
  });

  const hash = hashDocumentPassword('a', id);
  const rows: readonly [title: string, text: string, isTaken: boolean, isClear: boolean][] = [
    ['a password', 'pass', true, true],
    ['a password that begins like a hash', '$scryptic', true, true],
    ['a hash', hash, true, false],
    ['a hash that was cut', hash.slice(0, -1), false, false],
    ['a hash with other parameters', hash.replace('ln=14', 'ln=30'), false, false],
    ['a hash of Kong', 'a'.repeat(40), false, false],
    ['41 hexadecimal digits', 'a'.repeat(41), true, true],
    ['40 digits in upper case', 'A'.repeat(40), true, true],
  ];
  for (const [title, text, isTaken, isClear] of rows) {
    it(`${isTaken ? 'take' : 'refuse'} ${title}`, () => {
      const message = checkPassword(text);
      expect(message === undefined).to.equal(isTaken);
      expect(message ?? '').not.to.include(text);
      expect(isClearPassword(text)).to.equal(isClear);
    });
  }
});
