import type { ReadyState } from './status/readiness.ts';

/** How often a node that starts looks whether it is ready. */
const readyPollMs = 50;

/** Resolves when the node is ready for the first time. Never rejects; stays pending when the node stops before. */
export function untilReady(readiness: () => ReadyState, state: { readonly stopped: boolean }): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!state.stopped && !readiness().ready) return;
      clearInterval(timer);
      if (!state.stopped) resolve();
    };
    const timer = setInterval(look, readyPollMs);
    look();
  });
}
