import { expect } from 'chai';
import { Rerun } from '../../shared/rerun.ts';

describe('work that is asked for again', () => {
  it('runs one at a time, and once more for all that was asked for meanwhile', async () => {
    let runs = 0;
    let running = 0;
    const rerun = new Rerun(async () => {
      runs += 1;
      running += 1;
      expect(running).to.equal(1);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
    });
    rerun.start();
    rerun.start();
    rerun.start();
    await rerun.idle();
    expect(runs).to.equal(2);
    await rerun.idle();
    rerun.start();
    await rerun.idle();
    expect(runs).to.equal(3);
  });

  it('misses no request in any turn around its end', async () => {
    for (let turns = 0; turns < 12; turns += 1) {
      let seen = 0;
      let asked = 1;
      const rerun = new Rerun(async () => {
        seen = asked;
        await Promise.resolve();
      });
      rerun.start();
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      asked = 2;
      rerun.start();
      await rerun.idle();
      expect(seen, `after ${turns} turns`).to.equal(2);
    }
  });

  it('begins anew after a run that failed', async () => {
    let runs = 0;
    const rerun = new Rerun(async () => {
      runs += 1;
      if (runs === 1) throw new Error('first');
      await Promise.resolve();
    });
    rerun.start();
    const failed = await rerun.idle().catch((error: unknown) => error);
    expect(failed).to.be.instanceOf(Error);
    rerun.start();
    await rerun.idle();
    expect(runs).to.equal(2);
  });
});
