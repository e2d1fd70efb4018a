import { expect } from 'chai';
import { AnsweredKeys, answersMax } from '../../../data-plane/plugin-api/answered-keys.ts';

const answer = { status: 200, headers: [], body: 'first' };

describe('answers to requests with an idempotency key', () => {
  it('are kept for 10 minutes', () => {
    const realNow = performance.now.bind(performance);
    const keys = new AnsweredKeys();
    keys.end('a', answer);
    try {
      performance.now = () => realNow() + 599_000;
      expect(keys.answerOf('a')).to.equal(answer);
      performance.now = () => realNow() + 600_001;
      expect(keys.answerOf('a')).to.equal(undefined);
    } finally {
      performance.now = realNow;
    }
  });

  it('are bounded; the oldest one that nobody asked for goes first', () => {
    const keys = new AnsweredKeys();
    keys.end('asked', answer);
    keys.end('old', answer);
    for (let index = 0; index < answersMax - 1; index++) {
      if (index === 0) keys.answerOf('asked');
      keys.end(`${index}`, answer);
    }
    expect([keys.answerOf('asked'), keys.answerOf('old')]).to.deep.equal([answer, undefined]);
  });

  it('begin once at a time, and again after the end', () => {
    const keys = new AnsweredKeys();
    expect([keys.begin('a'), keys.begin('a'), keys.begin('b')]).to.deep.equal([true, false, true]);
    keys.end('a', undefined);
    expect(keys.begin('a')).to.equal(true);
    expect(keys.answerOf('a')).to.equal(undefined);
  });
});
