import { expect } from 'chai';
import { bodyOf, judge, type Note, type TopicRecord } from './oracle.ts';

const note = (number: number, outcome: string, key = 'a'): Note => ({
  number,
  key,
  status: 200,
  outcome,
  code: null,
  answerMs: 5,
  ownLagMs: 0,
  atMs: number,
});
const record = (number: number, offset: number, key = 'a', value = bodyOf(number)): TopicRecord => ({
  key,
  value,
  partition: 0,
  offset: String(offset),
});

describe('the oracle of the fault tests', () => {
  it('finds nothing when every guarantee was met', () => {
    const notes = [note(0, 'acked'), note(1, 'unknown'), note(2, 'not_sent'), note(3, 'acked')];
    const judged = judge(notes, [record(0, 0), record(1, 1), record(3, 2)]);
    expect(judged).to.include({ requests: 4, duplicates: 0, disordered: 0, failingMs: 2 });
    expect(judged.lost).to.deep.equal([]);
    expect(judged.wronglyWritten).to.deep.equal([]);
  });

  it('finds an acked record that is missing', () => {
    expect(judge([note(0, 'acked')], []).lost).to.deep.equal([0]);
  });

  it('asks for no ack of a request that began before the topic was made again', () => {
    const began = { ...note(0, 'acked'), atMs: 105, answerMs: 10 };
    expect(judge([began], [], 96).lost).to.deep.equal([]);
    expect(judge([began], [], 95).lost).to.deep.equal([0]);
  });

  it('finds an acked record with a wrong byte or key', () => {
    expect(judge([note(0, 'acked')], [record(0, 0, 'a', `${bodyOf(0)} `)]).lost).to.deep.equal([0]);
    expect(judge([note(0, 'acked')], [record(0, 0, 'b')]).lost).to.deep.equal([0]);
  });

  it('finds refused records that were written', () => {
    const judged = judge([note(0, 'not_sent'), note(1, 'rejected')], [record(0, 0), record(1, 1)]);
    expect(judged.wronglyWritten).to.deep.equal([0, 1]);
  });

  it('counts duplicates and records of a key out of order', () => {
    expect(judge([note(0, 'acked')], [record(0, 0), record(0, 1)]).duplicates).to.equal(1);
    expect(judge([note(0, 'acked'), note(1, 'acked')], [record(1, 0), record(0, 1)]).disordered).to.equal(1);
  });
});
