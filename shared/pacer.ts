import { setImmediate } from 'node:timers/promises';

/** Work may hold the event loop this long. A request waits for several turns, and for at most 20 ms in all. */
const sliceMs = 2;

/** Cuts long work into slices: `await pacer.pause()` wherever `pacer.isDue()`. */
export interface Pacer {
  isDue(): boolean;
  pause(): Promise<void>;
}

export function createPacer(): Pacer {
  let sliceStartedMs = performance.now();
  return {
    isDue: () => performance.now() - sliceStartedMs >= sliceMs,
    async pause() {
      await setImmediate();
      sliceStartedMs = performance.now();
    },
  };
}
