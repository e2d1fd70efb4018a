import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import * as faults from './faults.ts';
import { isLong } from '../helpers/kafka-clients.ts';
import type { Fault } from './run-fault.ts';

const pauseMsMax = 1_000;
const stepsPerSchedule = isLong ? 6 : 2;

const quick: readonly Fault[] = [faults.cut, faults.stalled, faults.slow, faults.requestsCut];
const thorough: readonly Fault[] = [...quick, faults.asleep(2_500), faults.killed, faults.asleep(), faults.allKilled];

/** SLUICE_TEST_SEED, or a new one; printed with the schedule that it makes. */
export function scheduleSeed(): number {
  const given = Number(process.env['SLUICE_TEST_SEED'] ?? '');
  return Number.isInteger(given) && given > 0 ? given : randomInt(1, 2 ** 31);
}

/** Faults drawn by the seed, one after another with pauses, or one within another. */
export function randomSchedule(seed: number): Fault {
  const random = generator(seed);
  const pick = <T>(items: readonly T[]): T => {
    const item = items[Math.floor(random() * items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  };
  const steps = Array.from({ length: stepsPerSchedule }, () => ({
    fault: pick(isLong ? thorough : quick),
    // A slow network on top of another fault.
    isSlow: random() < 0.3,
    pauseMs: Math.floor(random() * pauseMsMax),
  }));
  const text = steps.map(({ fault, isSlow, pauseMs }) => `${fault.name}${isSlow ? ' (slow)' : ''}, ${pauseMs} ms`);
  return {
    name: `random schedule ${seed}`,
    rounds: 1,
    async inflict(stage) {
      console.log(`      SLUICE_TEST_SEED=${seed}: ${text.join('; ')}`);
      for (const { fault, isSlow, pauseMs } of steps) {
        if (isSlow) for (const proxy of stage.rig.proxies) proxy.setNetwork({ delayMs: 60 });
        await fault.inflict(stage);
        await delay(pauseMs);
        for (const proxy of stage.rig.proxies) proxy.setNetwork('open');
      }
    },
  };
}

/** mulberry32: 32 bits of state are plenty for a schedule, and Node has no generator with a seed. */
function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
