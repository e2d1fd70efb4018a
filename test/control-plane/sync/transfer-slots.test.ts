import { expect } from 'chai';
import { TransferSlots } from '../../../control-plane/sync/transfer-slots.ts';
import { waitFor } from '../../helpers/wait-for.ts';

describe('TransferSlots', () => {
  it('lends a bounded number of slots, first come first served', () => {
    const slots = new TransferSlots({ slotsMax: 2 });
    const ready: string[] = [];
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => slots.open(() => ready.push(name)));
    expect([a, b, c, d].map((slot) => slot?.request())).to.deep.equal([true, true, false, false]);
    expect(slots.taken).to.equal(2);
    b?.release();
    expect(ready).to.deep.equal(['c']);
    expect(c?.request()).to.equal(true);
    d?.release(); // it leaves the queue
    a?.release();
    c?.release();
    expect(ready).to.deep.equal(['c']);
    expect(slots.taken).to.equal(0);
  });

  it('takes the slot back from a stalled transfer, which queues again', async () => {
    const slots = new TransferSlots({ slotsMax: 1, stallMs: 20 });
    let ready = false;
    const stalled = slots.open(() => undefined);
    const waiting = slots.open(() => (ready = true));
    expect(stalled.request()).to.equal(true);
    expect(waiting.request()).to.equal(false);
    await waitFor(() => ready, { what: 'the slot of the stalled one', pollMs: 5 });
    expect(stalled.request()).to.equal(false);
    waiting.release();
    expect(stalled.request()).to.equal(true);
    stalled.release();
    expect(slots.taken).to.equal(0);
  });
});
