import { expect } from 'chai';
import { compileLimits, windowAt } from '../../../../data-plane/plugins/rate-limiting/windows.ts';
import { rateLimitingSchema } from '../../../../shared/plugin-schemas/rate-limiting.ts';
import { checkField } from '../../../../shared/schema/check.ts';

const at = Date.parse('2028-02-29T23:59:59.500Z');

describe('the windows of rate limits', () => {
  const rows = [
    ['second', '2028-02-29T23:59:59Z', '2028-03-01T00:00:00Z'],
    ['minute', '2028-02-29T23:59:00Z', '2028-03-01T00:00:00Z'],
    ['hour', '2028-02-29T23:00:00Z', '2028-03-01T00:00:00Z'],
    ['day', '2028-02-29T00:00:00Z', '2028-03-01T00:00:00Z'],
    ['month', '2028-02-01T00:00:00Z', '2028-03-01T00:00:00Z'],
    ['year', '2028-01-01T00:00:00Z', '2029-01-01T00:00:00Z'],
  ] as const;
  for (const [period, start, end] of rows) {
    it(`are those of the calendar in UTC: ${period}`, () => {
      expect(windowAt(period, at)).to.deep.equal({ startMs: Date.parse(start), endMs: Date.parse(end) });
    });
  }

  it('change when the shortest one is over, in both directions of the clock', () => {
    const checked = checkField(rateLimitingSchema.config, { minute: 5, hour: 9 });
    if (checked.kind === 'faults') throw new Error(JSON.stringify(checked.faults));
    const limitsAt = compileLimits(checked.value);
    const minutes = (nowMs: number) => limitsAt(nowMs).map(({ startMs }) => (startMs - at) / 60_000);
    const first = limitsAt(at);
    expect(limitsAt(at + 499)).to.equal(first);
    expect(first.map(({ period, limit }) => [period, limit])).to.deep.equal([
      ['minute', 5],
      ['hour', 9],
    ]);
    expect(minutes(at + 60_000).map(Math.round)).to.deep.equal([0, 0]);
    expect(minutes(at - 60_000).map(Math.round)).to.deep.equal([-2, -60]);
  });
});
