import { expect } from 'chai';
import { usedBytes } from './used-bytes.ts';

/** Doublings that are measured. */
const doublings = 3;
/** The most that one doubling of the input may cost. */
const factorMax = 2.5;
const runsMax = 5;
/** Runs that must all take as long for a size to be taken. */
const sizingRuns = 3;
/** Shorter work says more about the clock than about the input. */
const cpuMsMin = 20;

/** Work whose cost must grow with the size of its input. */
export interface LinearWork<Input> {
  /** Makes the input of a size; its cost does not count. */
  readonly make: (size: number) => Input;
  readonly run: (input: Input) => unknown;
  /** Where the search for an input that takes 20 ms begins. */
  readonly sizeMin: number;
  /** No larger input is taken: one that takes less than 20 ms there needs no test. */
  readonly sizeMax?: number;
}

/**
 * Doubles the input three times, from the first size that takes 20 ms of CPU time, and fails where a doubling costs more
 * than 2.5 times on average. CPU time counts all threads of the process; the smallest of up to five runs is taken.
 */
export async function expectLinearCost<Input>(work: LinearWork<Input>): Promise<void> {
  const { make, run, sizeMin, sizeMax = 1 << 24 } = work;
  // Until V8 has compiled it, work costs several times as much.
  for (let time = 0; time < runsMax; time++) await run(make(sizeMin));
  let size = sizeMin;
  while ((await leastCpuMsOf(run, make(size))) < cpuMsMin) {
    size *= 2;
    if (size * 2 ** doublings > sizeMax) return;
  }
  let { costs, factor } = await measure(work, size);
  // V8 may compile the work for good only now: what took 20 ms then takes a part of that, and a larger input is needed.
  while (!(factor < factorMax) && (costs[0] ?? 0) < cpuMsMin / 2 && size * 2 ** (doublings + 1) <= sizeMax) {
    size *= 2;
    ({ costs, factor } = await measure(work, size));
  }
  expect(factor, `doubling from size ${size} costs ${costs.map(Math.round).join(', ')} ms`).to.be.below(factorMax);
}

/** Returns the smallest costs of a size and of its doublings, and what one doubling costs on average. */
async function measure<Input>(
  { make, run }: LinearWork<Input>,
  size: number,
): Promise<{ readonly costs: readonly number[]; readonly factor: number }> {
  const costs = Array<number>(doublings + 1).fill(Number.POSITIVE_INFINITY);
  let factor = Number.POSITIVE_INFINITY;
  for (let time = 0; time < runsMax && !(factor < factorMax); time++) {
    for (const [doubling, cost] of costs.entries()) {
      costs[doubling] = Math.min(cost, await cpuMsOf(run, make(size * 2 ** doubling)));
    }
    factor = ((costs.at(-1) ?? 0) / (costs[0] ?? 1)) ** (1 / doublings);
  }
  return { costs, factor };
}

/** Returns the smallest of several costs: a single one may be that of another thread's work, and the size too small. */
async function leastCpuMsOf<Input>(run: LinearWork<Input>['run'], input: Input): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let time = 0; time < sizingRuns && least >= cpuMsMin; time++) least = Math.min(least, await cpuMsOf(run, input));
  return least;
}

async function cpuMsOf<Input>(run: LinearWork<Input>['run'], input: Input): Promise<number> {
  // Collecting what earlier runs left is none of this one's cost.
  usedBytes();
  const start = process.cpuUsage();
  await run(input);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1_000;
}
