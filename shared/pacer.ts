import { setImmediate } from 'node:timers/promises';

/** How long work may hold the event loop. A request has several turns to wait for, and 20 ms is what it may wait in all. */
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
