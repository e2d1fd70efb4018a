import { expect } from 'chai';
import { createRequestId, requestIdFrom } from '../../../data-plane/proxy/request-id.ts';

describe('request ids', () => {
  it('are 32 hexadecimal digits, no two alike', () => {
    const ids = Array.from({ length: 10_000 }, createRequestId);
    for (const id of ids.slice(0, 100)) expect(id).to.match(/^[0-9a-f]{32}$/);
    expect(new Set(ids).size).to.equal(ids.length);
  });

  for (const own of ['a', 'f4b1-7', 'A.b_c+d/e=:@', 'x'.repeat(128)]) {
    it(`takes the client's ${own.slice(0, 20)} (${own.length} characters)`, () => {
      expect(requestIdFrom(own)).to.equal(own);
    });
  }

  for (const [what, header] of [
    ['none', undefined],
    ['an empty one', ''],
    ['a space', 'a b'],
    ['a line feed', 'a\nb'],
    ['a quote', 'a"b'],
    ['a letter outside of ASCII', 'ä'],
    ['129 characters', 'x'.repeat(129)],
  ] as const) {
    it(`makes its own for ${what}`, () => {
      expect(requestIdFrom(header)).to.match(/^[0-9a-f]{32}$/);
    });
  }
});
