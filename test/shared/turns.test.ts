import { expect } from 'chai';
import { Turns } from '../../shared/turns.ts';

function workFor(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

describe('Turns', () => {
  it('share a turn of the event loop between all work, and later turns one by one', async () => {
    const turns = new Turns();
    const ran: string[] = [];
    const work = async (name: string): Promise<void> => {
      for (let step = 0; step < 3; step++) {
        ran.push(name);
        // Longer than the share of a turn, which begins when it is first asked for.
        workFor(6);
        if (turns.isOver()) await turns.next();
      }
    };
    const timer = new Promise<void>((resolve) => {
      setTimeout(() => {
        ran.push('timer');
        resolve();
      });
    });
    await Promise.all([work('a'), work('b'), work('c'), timer]);
    expect(ran.filter((name) => name !== 'timer')).to.have.length(9);
    // Each has its first step in the first turn, whoever has used it up.
    expect(ran.indexOf('timer')).to.be.lessThan(9);
    expect(new Set(ran.slice(0, 5))).to.include.all.keys('a', 'b', 'c');
  });

  it('begin anew with the next turn', async () => {
    const turns = new Turns();
    expect(turns.isOver()).to.equal(false);
    workFor(6);
    expect(turns.isOver()).to.equal(true);
    await turns.next();
    expect(turns.isOver()).to.equal(false);
  });
});
