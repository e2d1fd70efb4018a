import { takeLeaks } from './helpers/leaks.ts';
import { stopSharedBrokers } from './helpers/shared-brokers.ts';

// mocha lets a floating rejection pass (mochajs/mocha issue 5507): turn it into a failure.
process.on('unhandledRejection', (reason) => {
  throw reason;
});

// A signal alone runs no exit handler, and the brokers that this process started would live on.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // A test of signals has a listener of its own.
    if (process.listenerCount(signal) === 1) process.exit(1);
  });
}

function expectNoLeaks(): void {
  const leaks = takeLeaks();
  if (leaks.length > 0) throw new Error(`A process has written a secret:\n${leaks.join('\n')}`);
}

/** Whatever a test is about: a secret in the output of a process that it ran fails it. */
export const mochaHooks = { afterEach: expectNoLeaks, afterAll: [expectNoLeaks, stopSharedBrokers] };
