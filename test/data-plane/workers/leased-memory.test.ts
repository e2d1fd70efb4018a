import { expect } from 'chai';
import { LeasedMemory } from '../../../data-plane/workers/leased-memory.ts';
import { MemoryPool } from '../../../data-plane/workers/memory-pool.ts';

describe("a worker's share in the node's memory", () => {
  let memories: LeasedMemory[];
  beforeEach(() => (memories = []));
  afterEach(() => {
    for (const memory of memories) memory.close();
  });

  function sharing(pool: MemoryPool): LeasedMemory {
    const holder = {
      async giveBack() {
        pool.returned(holder, memory.release());
      },
    };
    const memory: LeasedMemory = new LeasedMemory({
      bytesMax: 1_000,
      lease: (bytes) => pool.lease(holder, bytes),
      giveBack: (bytes) => pool.returned(holder, bytes),
    });
    memories.push(memory);
    return memory;
  }

  it('makes room up to the whole, and not a byte more', async () => {
    const memory = sharing(new MemoryPool(1_000));
    while (await memory.more(10)) memory.bytes += 10;
    expect(memory.bytes).to.equal(1_000);
    expect(memory.granted).to.equal(1_000);
  });

  it('leases ahead of need', async () => {
    const memory = sharing(new MemoryPool(1_000));
    await memory.more(1);
    const before = memory.granted;
    memory.bytes += before - 1;
    await memory.more(1);
    expect(memory.granted).to.be.greaterThan(before);
  });

  it('serves many who wait at once', async () => {
    const memory = sharing(new MemoryPool(1_000));
    const takes = Array.from({ length: 10 }, async () => {
      while (await memory.more(100)) {
        if (memory.bytes + 100 > memory.granted) continue;
        memory.bytes += 100;
        return true;
      }
      return false;
    });
    expect((await Promise.all(takes)).filter(Boolean)).to.have.length.of.at.least(9);
    expect(memory.bytes).to.be.at.most(memory.granted);
  });

  it('gets what another worker does not use', async () => {
    const pool = new MemoryPool(1_000);
    const [idle, busy] = [sharing(pool), sharing(pool)];
    await idle.more(700);
    expect(await busy.more(950)).to.equal(true);
    expect(idle.granted).to.equal(0);
  });
});
