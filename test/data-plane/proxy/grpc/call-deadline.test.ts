import { expect } from 'chai';
import { callTimeoutMs } from '../../../../data-plane/proxy/grpc/call-deadline.ts';

const rows: readonly (readonly [header: string | undefined, ms: number | undefined])[] = [
  ['1H', 3_600_000],
  ['2M', 120_000],
  ['3S', 3_000],
  ['4m', 4],
  ['5000u', 5],
  ['1000000n', 1],
  ['99999999S', 99_999_999_000],
  [undefined, undefined],
  ['', undefined],
  ['123456789S', undefined],
  ['1s', undefined],
  ['-1S', undefined],
];

describe('callTimeoutMs', () => {
  for (const [header, ms] of rows) {
    it(`${header ?? 'no header'}: ${ms ?? 'no time-out'}`, () => {
      if (ms === undefined) expect(callTimeoutMs(header)).to.equal(undefined);
      else expect(callTimeoutMs(header)).to.be.closeTo(ms, 1e-6);
    });
  }
});
