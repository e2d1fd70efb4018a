import { expect } from 'chai';
import { withinTime } from '../../shared/within-time.ts';

const never = (): Promise<string> => new Promise(() => undefined);

describe('withinTime', () => {
  it('settles as the promise does when that is in time', async () => {
    expect(await withinTime(Promise.resolve('done'), 10_000, () => 'late')).to.equal('done');
    const failed = await withinTime(Promise.reject(new Error('refused')), 10_000, () => 'late').catch(String);
    expect(failed).to.equal('Error: refused');
  });

  for (const timeoutMs of [5, 0, -1]) {
    it(`returns what late returns after ${timeoutMs} ms`, async () => {
      expect(await withinTime(never(), timeoutMs, () => null)).to.equal(null);
    });
  }

  it('throws what late throws', async () => {
    const failed = await withinTime(never(), 1, () => {
      throw new Error('no answer within 1 ms');
    }).catch(String);
    expect(failed).to.equal('Error: no answer within 1 ms');
  });

  it('waits longer than a timer of Node.js can, instead of not at all', async () => {
    let settle = (_value: string): void => undefined;
    const promise = new Promise<string>((resolve) => (settle = resolve));
    const settled = withinTime(promise, 2 ** 40, () => 'late');
    setTimeout(() => settle('done'), 20);
    expect(await settled).to.equal('done');
  });

  it('handles a rejection that comes too late', async () => {
    let refuse = (_error: Error): void => undefined;
    const promise = new Promise<string>((_resolve, reject) => (refuse = reject));
    expect(await withinTime(promise, 1, () => 'late')).to.equal('late');
    refuse(new Error('too late'));
    // An unhandled rejection ends this test, by the hook of the suite.
    await new Promise((resolve) => setImmediate(resolve));
  });
});
