import { expect } from 'chai';
import { Replays } from '../../../../data-plane/plugins/webhook-signature/replays.ts';

describe('Replays', () => {
  it('forgets an id after its window, and the oldest beyond the most', () => {
    const replays = new Replays();
    const seen = replays.acquire('p', { windowMs: 60_000, idsMax: 2 });
    for (const id of ['a', 'b', 'c']) seen.add(id);
    expect(['a', 'b', 'c'].map((id) => seen.has(id))).to.deep.equal([false, true, true]);
    const over = replays.acquire('q', { windowMs: 0, idsMax: 2 });
    over.add('a');
    expect(over.has('a')).to.equal(false);
  });

  it('keeps the newest ids when fewer may be kept', () => {
    const replays = new Replays();
    const first = replays.acquire('p', { windowMs: 60_000, idsMax: 3 });
    for (const id of ['a', 'b', 'c']) first.add(id);
    const second = replays.acquire('p', { windowMs: 60_000, idsMax: 2 });
    first.release();
    expect(['a', 'b', 'c'].map((id) => second.has(id))).to.deep.equal([false, true, true]);
    second.release();
    expect(replays.acquire('p', { windowMs: 60_000, idsMax: 2 }).has('c')).to.equal(false);
  });

  it('keeps the ids of plugins apart, and takes ids of any length', () => {
    const replays = new Replays();
    const long = 'x'.repeat(10_000);
    replays.acquire('p', { windowMs: 60_000, idsMax: 2 }).add(long);
    expect(replays.acquire('p', { windowMs: 60_000, idsMax: 2 }).has(long)).to.equal(true);
    expect(replays.acquire('q', { windowMs: 60_000, idsMax: 2 }).has(long)).to.equal(false);
  });
});
