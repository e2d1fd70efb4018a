import { expect } from 'chai';
import { runAtOnce, runInSlices, StepsTooSlowError, type Steps } from '../../../../data-plane/schemas/formats/steps.ts';

/** Spins for so long, in steps of about a microsecond. */
function* work(forMs: number): Steps<string> {
  const endMs = performance.now() + forMs;
  while (performance.now() < endMs) yield;
  return 'done';
}

describe('work in steps', () => {
  it('has the same result in slices and at once', async () => {
    expect(runAtOnce(work(1))).to.equal('done');
    expect(await runInSlices(work(1), 1_000)).to.equal('done');
  });

  it('lets other work have its turn between slices', async () => {
    let turns = 0;
    const turn = setInterval(() => turns++, 1);
    await runInSlices(work(100), 1_000);
    clearInterval(turn);
    expect(turns).to.be.at.least(5);
  });

  it('is given up after its time', async () => {
    const error: unknown = await runInSlices(work(60_000), 20).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(StepsTooSlowError);
  });
});
