import { setImmediate } from 'node:timers/promises';

/** How long work may hold the event loop; requests wait that long at most, and 20 ms is what they may. */
const sliceMs = 5;

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
