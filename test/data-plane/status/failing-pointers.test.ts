import { expect } from 'chai';
import { FailingPointers, generalPointer } from '../../../data-plane/status/failing-pointers.ts';

describe('the pointers that fail', () => {
  const rows: readonly (readonly [pointer: string, rule: string | undefined, general: string])[] = [
    ['/amount', 'type', '/amount'],
    ['/items/12/price', 'range', '/items/*/price'],
    ['/customers/8f14e45f-ceea-467f-9d5c-2f1a7e1f3b1a/name', 'type', '/customers/*/name'],
    ['/secret-name', 'additionalProperties', '/*'],
    ['/order/4111111111111111', 'undeclared', '/order/*'],
    ['/a b/c', 'type', '/*/c'],
    ['', 'type', '/'],
  ];
  for (const [pointer, rule, general] of rows) {
    it(`counts '${pointer}' (${rule ?? 'no rule'}) as '${general}'`, () => {
      expect(generalPointer(pointer, rule)).to.equal(general);
    });
  }

  it('tells those that fail most', () => {
    const pointers = new FailingPointers();
    pointers.note([{ pointer: '/a' }, { pointer: '/b/0' }, { message: 'no pointer' }]);
    pointers.note([{ pointer: '/b/7' }]);
    expect(pointers.most(1)).to.deep.equal([{ name: '/b/*', count: 2 }]);
    expect(pointers.most(5)).to.have.length(2);
  });

  it('counts no more than 100 of them, and 20 of an answer', () => {
    const pointers = new FailingPointers();
    for (let n = 0; n < 200; n += 1) pointers.note([{ pointer: `/field${n}` }]);
    expect(pointers.most(1_000)).to.have.length(100);
    const other = new FailingPointers();
    other.note(Array.from({ length: 50 }, (_one, n) => ({ pointer: `/field${n}` })));
    expect(other.most(1_000)).to.have.length(20);
  });
});
