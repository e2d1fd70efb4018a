import { expect } from 'chai';
import { AnsweredKeys, answersMax } from '../../../data-plane/plugin-api/answered-keys.ts';

const answer = { status: 200, headers: [], body: 'first' };
const answered = { kind: 'answered', answer };
const begun = { kind: 'begun' };

describe('answers to requests with an idempotency key', () => {
  it('are kept for 10 minutes', () => {
    const realNow = performance.now.bind(performance);
    const keys = new AnsweredKeys();
    keys.end('a', answer);
    try {
      performance.now = () => realNow() + 599_000;
      expect(keys.claim('a')).to.deep.equal(answered);
      performance.now = () => realNow() + 600_001;
      expect(keys.claim('a')).to.deep.equal(begun);
    } finally {
      performance.now = realNow;
    }
  });

  it('are bounded; the oldest one that nobody asked for goes first', () => {
    const keys = new AnsweredKeys();
    keys.end('asked', answer);
    keys.end('old', answer);
    for (let index = 0; index < answersMax - 1; index++) {
      if (index === 0) keys.claim('asked');
      keys.end(`${index}`, answer);
    }
    expect([keys.claim('asked'), keys.claim('old')]).to.deep.equal([answered, begun]);
  });

  it('begin once at a time, and again after the end', () => {
    const keys = new AnsweredKeys();
    const underWay = { kind: 'under way' };
    expect([keys.claim('a'), keys.claim('a'), keys.claim('b')]).to.deep.equal([begun, underWay, begun]);
    keys.end('a', undefined);
    expect(keys.claim('a')).to.deep.equal(begun);
  });
});
