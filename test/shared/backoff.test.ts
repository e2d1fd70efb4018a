import { expect } from 'chai';
import * as fc from 'fast-check';
import { backoffMs, doublingMs } from '../../shared/backoff.ts';

const limits = { firstMs: 500, maxMs: 15_000 };

describe('backoffMs', () => {
  const cases: readonly (readonly [attempt: number, random: number, expected: number])[] = [
    [0, 0, 0],
    [0, 0.5, 250],
    [1, 0.5, 500],
    [4, 0.5, 4_000],
    [5, 0.5, 7_500],
    [1_000, 0.5, 7_500],
  ];
  for (const [attempt, random, expected] of cases) {
    it(`attempt ${attempt} at ${random} waits ${expected} ms`, () => {
      expect(backoffMs(attempt, limits, random)).to.equal(expected);
    });
  }

  it('never leaves its bounds', () => {
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempt, random) => {
        const ms = backoffMs(attempt, limits, random);
        return ms >= 0 && ms < limits.maxMs;
      }),
    );
  });
});

describe('doublingMs', () => {
  for (const [attempt, expected] of [
    [-1, 500],
    [0, 500],
    [1, 1_000],
    [4, 8_000],
    [5, 15_000],
    [5_000, 15_000],
  ] as const) {
    it(`waits ${expected} ms before retry ${attempt}`, () => {
      expect(doublingMs(attempt, limits)).to.equal(expected);
    });
  }
});
