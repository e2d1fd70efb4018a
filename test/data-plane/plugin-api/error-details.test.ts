import { expect } from 'chai';
import { answerDetails, detailsBytesMax, detailTextMax } from '../../../data-plane/plugin-api/error-details.ts';

describe('details of an answer', () => {
  it('are absent without faults, and as they are while they are short', () => {
    expect(answerDetails(undefined)).to.deep.equal({});
    const faults = [
      { pointer: '/a', rule: 'type', expected: 'int', message: 'not an int' },
      { limit: 5, unit: 'bytes' },
    ];
    expect(answerDetails(faults)).to.deep.equal({ details: faults });
  });

  it('are cut at 300 characters a text', () => {
    expect(detailTextMax).to.equal(300);
    const short = { pointer: `/${'a'.repeat(299)}`, expected: '😀'.repeat(300) };
    expect(answerDetails([short]).details).to.deep.equal([short]);
    const long = { pointer: `/${'a'.repeat(300)}`, expected: '😀'.repeat(301), message: 'x'.repeat(100_000) };
    expect(answerDetails([long])).to.deep.equal({
      details: [{ pointer: `/${'a'.repeat(298)}…`, expected: `${'😀'.repeat(299)}…`, message: `${'x'.repeat(299)}…` }],
    });
  });

  it('are at most 64 KiB of text, and say how many there are', () => {
    expect(detailsBytesMax).to.equal(65_536);
    const faults = Array.from({ length: 1_000 }, (_, index) => ({
      pointer: `/${index}/${'ä'.repeat(200)}`,
      rule: 'type',
    }));
    const cut = answerDetails(faults);
    expect(Buffer.byteLength(JSON.stringify(cut.details))).to.be.within(detailsBytesMax - 1_000, detailsBytesMax);
    expect(cut.details_total).to.equal(1_000);
    expect(cut.details).to.deep.equal(faults.slice(0, cut.details?.length));
    expect(answerDetails(faults.slice(0, 2), 70_000)).to.deep.equal({
      details: faults.slice(0, 2),
      details_total: 70_000,
    });
  });
});
