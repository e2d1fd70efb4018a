import { expect } from 'chai';
import { isLowerCaseUuid, isUuid } from '../../shared/uuid.ts';

describe('isUuid', () => {
  const cases: readonly (readonly [text: string, isOne: boolean, isLowerCase: boolean])[] = [
    ['5a6cf1b2-98d1-4e0b-9d7b-0d6f1f500002', true, true],
    ['5A6CF1B2-98D1-4E0B-9D7B-0D6F1F500002', true, false],
    ['00000000-0000-0000-0000-000000000000', true, true],
    ['5a6cf1b2-98d1-4e0b-9d7b-0d6f1f50000', false, false],
    ['5a6cf1b298d14e0b9d7b0d6f1f500002', false, false],
    ['{5a6cf1b2-98d1-4e0b-9d7b-0d6f1f500002}', false, false],
    ['5a6cf1b2-98d1-4e0b-9d7b-0d6f1f500002\n', false, false],
    ['', false, false],
  ];
  for (const [text, isOne, isLowerCase] of cases) {
    it(`${isOne ? 'takes' : 'refuses'} ${JSON.stringify(text)}`, () => {
      expect(isUuid(text)).to.equal(isOne);
      expect(isLowerCaseUuid(text)).to.equal(isLowerCase);
    });
  }
});
