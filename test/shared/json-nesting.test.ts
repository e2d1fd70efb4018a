import { expect } from 'chai';
import * as fc from 'fast-check';
import { isNestedTooDeeply, jsonNestingMax } from '../../shared/json-nesting.ts';

const arrays = (depth: number, inner = '') => `${'['.repeat(depth)}${inner}${']'.repeat(depth)}`;
const objects = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

describe('isNestedTooDeeply', () => {
  const brackets = JSON.stringify(`${'['.repeat(1_000)}\\"${'{'.repeat(1_000)}`);
  const cases: readonly [string, string, boolean][] = [
    ['arrays at the bound', arrays(jsonNestingMax), false],
    ['arrays over it', arrays(jsonNestingMax + 1), true],
    ['objects at the bound', objects(jsonNestingMax), false],
    ['objects over it', objects(jsonNestingMax + 1), true],
    ['many side by side', `[${Array(2_000).fill('[{}]').join(',')}]`, false],
    ['brackets inside a string', brackets, false],
    ['strings inside the deepest', arrays(jsonNestingMax, brackets), false],
    ['what never ends', '['.repeat(1_000_000), true],
  ];
  for (const [what, text, expected] of cases) {
    it(`of ${what} is ${expected}`, () => expect(isNestedTooDeeply(text)).to.equal(expected));
  }

  it('counts nothing but nesting, whatever the values', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.integer({ min: 400, max: 520 }), (value, depth) => {
        const own = (item: unknown): number =>
          typeof item === 'object' && item !== null ? 1 + Math.max(0, ...Object.values(item).map(own)) : 0;
        const text = arrays(depth, JSON.stringify(value));
        expect(isNestedTooDeeply(text)).to.equal(depth + own(value) > jsonNestingMax);
      }),
    );
  });
});
