import { expect } from 'chai';
import { elementOf, type ElementNote, judgeBatches, prefixBreaks } from './batch-oracle.ts';
import type { TopicRecord } from './oracle.ts';

const told = (number: number, ...outcomes: string[]): ElementNote => ({
  number,
  key: 'k',
  attempts: outcomes.map((outcome) => ({ outcome, place: outcome === 'acked' ? `0/${number}` : null })),
});
const held = (number: number, offset: number): TopicRecord => ({
  key: 'k',
  value: elementOf(number, 'k'),
  partition: 0,
  offset: String(offset),
});
const clean = { lost: [], wronglyWritten: [], misplaced: [], duplicates: 0, disordered: [] };

describe('the oracle of batches', () => {
  it('takes what was told and stands so', () => {
    const notes = [told(0, 'acked'), told(1, 'not_sent', 'acked'), told(2, 'unknown', 'acked')];
    expect(judgeBatches(notes, [held(0, 0), held(1, 1), held(2, 2)])).to.deep.include(clean);
  });

  it('finds each broken promise', () => {
    const acked = [told(0, 'acked'), told(1, 'acked')];
    expect(judgeBatches(acked, [held(0, 0)])).to.deep.include({ lost: [1], misplaced: [1] });
    expect(judgeBatches(acked, [held(1, 1), held(0, 2)])).to.deep.include({ misplaced: [0] });
    expect(judgeBatches([told(0, 'not_sent')], [held(0, 0)])).to.deep.include({ wronglyWritten: [0] });
    const twice = [held(0, 0), held(0, 1)];
    expect(judgeBatches([told(0, 'not_sent', 'acked')], twice)).to.deep.include({ wronglyWritten: [0], duplicates: 1 });
    expect(judgeBatches([told(0, 'unknown', 'acked')], twice)).to.deep.include({ wronglyWritten: [], duplicates: 1 });
    expect(judgeBatches(acked, [held(1, 0), held(0, 1)])).to.deep.include({ disordered: [1] });
  });

  it('finds elements that were acked behind one of their key that was not', () => {
    const outcomes = ['acked', 'unknown', 'acked', 'acked', 'not_sent'];
    expect(prefixBreaks(outcomes, ['a', 'a', 'b', 'a', 'b'])).to.deep.equal([3]);
    expect(prefixBreaks(outcomes, ['a', 'b', 'a', 'a', 'b'])).to.deep.equal([]);
  });
});
