import { expect } from 'chai';
import * as fc from 'fast-check';
import { sortInSlices } from '../../shared/sort-in-slices.ts';

describe('sorting in slices', () => {
  it('orders as sorting in one go does, and keeps the order of equals', async () => {
    const key = fc.oneof(fc.uuid(), fc.string({ maxLength: 3 }), fc.constantFrom('', 'a', 'ab', 'abc', 'b'));
    await fc.assert(
      fc.asyncProperty(fc.array(key), async (keys) => {
        const items = keys.map((text, place) => ({ text, place }));
        const expected = items.toSorted((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0));
        expect(await sortInSlices(items, ({ text }) => text)).to.deep.equal(expected);
      }),
    );
  });

  it('leaves the event loop to others', async () => {
    const keys = Array.from({ length: 100_000 }, (_one, n) => ((n * 2_654_435_761) % 2 ** 32).toString(16));
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    await sortInSlices(keys, (text) => text);
    clearInterval(timer);
    expect(turns).to.be.at.least(2);
  });
});
