import { expect } from 'chai';
import * as fc from 'fast-check';
import { type Leaseholder, MemoryPool } from '../../../data-plane/workers/memory-pool.ts';

/** A holder that keeps count of its lease and uses a part of it. */
class Holder implements Leaseholder {
  leased = 0;
  used = 0;
  readonly #pool: MemoryPool;

  constructor(pool: MemoryPool) {
    this.#pool = pool;
  }

  async lease(bytes: number): Promise<number> {
    const leased = await this.#pool.lease(this, bytes);
    this.leased += leased;
    return leased;
  }

  async giveBack(): Promise<void> {
    const unused = this.leased - this.used;
    this.leased = this.used;
    this.#pool.returned(this, unused);
  }
}

describe('the memory that workers share', () => {
  it('leases at most a twentieth of what is left, unless more is asked for', async () => {
    const pool = new MemoryPool(1_000);
    const holder = new Holder(pool);
    expect(await holder.lease(1)).to.equal(50);
    expect(await holder.lease(1)).to.equal(47);
    expect(await holder.lease(500)).to.equal(500);
    expect(pool.left).to.equal(1_000 - 597);
  });

  it('lets one worker use all in the end', async () => {
    const pool = new MemoryPool(1_000);
    const holder = new Holder(pool);
    while ((await holder.lease(1)) > 0) holder.used = holder.leased;
    expect(holder.leased).to.equal(1_000);
  });

  it('takes back what others do not use before it refuses', async () => {
    const pool = new MemoryPool(1_000);
    const [idle, busy] = [new Holder(pool), new Holder(pool)];
    await idle.lease(600);
    idle.used = 100;
    expect(await busy.lease(800)).to.equal(800);
    expect(idle.leased).to.equal(100);
    expect(await busy.lease(200)).to.equal(100);
    busy.used = busy.leased;
    expect(await busy.lease(1)).to.equal(0);
  });

  it('has all back of a worker that is gone', async () => {
    const pool = new MemoryPool(1_000);
    const gone = new Holder(pool);
    await gone.lease(800);
    pool.forget(gone);
    expect(pool.left).to.equal(1_000);
  });

  it('never leases more than there is, whatever the order', async () => {
    const step = fc.record({
      holder: fc.nat(2),
      does: fc.constantFrom('lease', 'use', 'free', 'return', 'die'),
      bytes: fc.nat(600),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const pool = new MemoryPool(1_000);
        const holders = [new Holder(pool), new Holder(pool), new Holder(pool)];
        for (const { holder: index, does, bytes } of steps) {
          const holder = holders[index] ?? new Holder(pool);
          if (does === 'lease') await holder.lease(bytes);
          if (does === 'use') holder.used = Math.min(holder.leased, holder.used + bytes);
          if (does === 'free') holder.used = Math.max(0, holder.used - bytes);
          if (does === 'return') await holder.giveBack();
          if (does === 'die') {
            pool.forget(holder);
            holders[index] = new Holder(pool);
          }
          const leased = holders.reduce((sum, each) => sum + each.leased, 0);
          expect(pool.left).to.equal(1_000 - leased);
          expect(leased).to.be.at.most(1_000);
        }
      }),
    );
  });
});
