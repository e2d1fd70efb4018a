import { setImmediate as nextTurn } from 'node:timers/promises';
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
/** Less memory says more about the engine than about the input. */
const heldBytesMin = 512 * 1024;
/** Keeps the result of a run from being collected while the memory is measured. */
const held = new Set<unknown>();

/** Work whose cost must grow with the size of its input. */
export interface LinearWork<Input> {
  /** Makes the input of a size; its cost does not count. */
  readonly make: (size: number) => Input;
  /** Returns what the work makes: the memory that it holds counts. */
  readonly run: (input: Input) => unknown;
  /** Where the search for an input that takes 20 ms begins. */
  readonly sizeMin: number;
  /** No larger input is taken: one that takes less than 20 ms there needs no test. */
  readonly sizeMax?: number;
}

/**
 * Doubles the input three times, from the first size that takes 20 ms of CPU time, and fails where a doubling costs more
 * than 2.5 times on average: of the CPU time of all threads of the process, or of the memory that is in use after a run
 * and a collection while its result is held. The smallest of up to five runs is taken.
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
  while (!(factor < factorMax) && (costs[0] ?? 0) < cpuMsMin && size * 2 ** (doublings + 1) <= sizeMax) {
    size *= 2;
    ({ costs, factor } = await measure(work, size));
  }
  expect(factor, `doubling from size ${size} takes ${costs.map(Math.round).join(', ')} ms`).to.be.below(factorMax);
  await expectLinearMemory(work, size);
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
    factor = averageFactor(costs[0] ?? 0, costs.at(-1) ?? 0);
  }
  return { costs, factor };
}

/**
 * Fails where the last size holds too much for the first. Both are measured anew in each run. V8 frees some of what an
 * earlier run held only while a later one is measured, which makes a reading too small, and holds some a while longer,
 * which makes it too large: the most that the first size held and the least that the last one did are compared.
 */
async function expectLinearMemory<Input>({ make, run }: LinearWork<Input>, size: number): Promise<void> {
  let first = heldBytesMin;
  let last = Number.POSITIVE_INFINITY;
  for (let time = 0; time < runsMax; time++) {
    first = Math.max(first, await heldBytesOf(run, make(size)));
    last = Math.min(last, await heldBytesOf(run, make(size * 2 ** doublings)));
    if (averageFactor(first, Math.max(last, heldBytesMin)) < factorMax) return;
  }
  const told = [first, last].map((bytes) => Math.round(bytes / 1024)).join(', ');
  expect.fail(`${doublings} doublings from size ${size} hold ${told} KiB`);
}

function averageFactor(first: number, last: number): number {
  return (last / first) ** (1 / doublings);
}

/** Returns the smallest of several costs: a single one may be that of another thread's work, and the size too small. */
async function leastCpuMsOf<Input>(run: LinearWork<Input>['run'], input: Input): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let time = 0; time < sizingRuns && least >= cpuMsMin; time++) least = Math.min(least, await cpuMsOf(run, input));
  return least;
}

async function cpuMsOf<Input>(run: LinearWork<Input>['run'], input: Input): Promise<number> {
  // Making the input may take its time: that is none of the cost.
  await input;
  // Collecting what earlier runs left is none of this one's cost.
  usedBytes();
  const start = process.cpuUsage();
  await run(input);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1_000;
}

async function heldBytesOf<Input>(run: LinearWork<Input>['run'], input: Input): Promise<number> {
  await input;
  // V8 itself keeps some of what was last used, such as long names and the last text that a regular expression was
  // applied to. A first run puts what belongs to this input there.
  await run(input);
  await nextTurn();
  const before = usedBytes();
  held.add(await run(input));
  const bytes = usedBytes() - before;
  held.clear();
  return bytes;
}
