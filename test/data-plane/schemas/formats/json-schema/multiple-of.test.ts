import { expect } from 'chai';
import * as fc from 'fast-check';
import { multipleOf } from '../../../../../data-plane/schemas/formats/json-schema/multiple-of.ts';

/** Digits and exponent by the text of a number, which is what JSON says. */
function exactly(value: number, divisor: number): boolean {
  const parts = (number: number): [bigint, number] => {
    const [mantissa = '0', exponent = '0'] = String(number).split('e');
    const [whole = '0', fraction = ''] = mantissa.split('.');
    return [BigInt(whole + fraction), Number(exponent) - fraction.length];
  };
  const [[a, aExponent], [b, bExponent]] = [parts(value), parts(divisor)];
  const common = Math.min(aExponent, bExponent);
  return (a * 10n ** BigInt(aExponent - common)) % (b * 10n ** BigInt(bExponent - common)) === 0n;
}

describe('multipleOf', () => {
  const cases: [value: number, divisor: number, isMultiple: boolean][] = [
    [0.07, 0.01, true],
    [0.075, 0.01, false],
    [19.99, 0.01, true],
    [1e308, 0.123456789, false],
    [1e308, 0.5, true],
    [-4.5, 1.5, true],
    [0, 0.1, true],
    [1e-8, 1e-4, false],
    [12_391_239_123, 1e-8, true],
    [2 ** 60, 2, true],
    [5e-324, 5e-324, true],
    [1, 1e308, false],
    [1e22, 1e22, true],
  ];
  for (const [value, divisor, isMultiple] of cases) {
    it(`takes ${value} as ${isMultiple ? 'a' : 'no'} multiple of ${divisor}`, () => {
      expect(multipleOf(divisor)(value)).to.equal(isMultiple);
    });
  }

  it('agrees with exact decimals', () => {
    const decimal = fc.tuple(fc.integer({ min: 1, max: 99_999 }), fc.integer({ min: -12, max: 12 }));
    const number = ([digits, exponent]: [number, number]): number => Number(`${digits}e${exponent}`);
    fc.assert(
      fc.property(decimal.map(number), decimal.map(number), fc.integer({ min: 0, max: 1_000 }), (a, b, times) => {
        for (const value of [a, -a, b * times]) {
          expect(multipleOf(b)(value), `${value} of ${b}`).to.equal(exactly(value, b));
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
