/** The longest delay that a timer of Node.js can hold; a longer one would fire at once. */
const timerMsMax = 2 ** 31 - 1;

/**
 * Settles as the promise does when it settles within the time, else as `late` says: with the value that it returns or
 * with the error that it throws. The promise itself goes on, and a later rejection of it is not unhandled.
 */
export async function withinTime<T, L>(promise: Promise<T>, timeoutMs: number, late: () => L): Promise<T | L> {
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise<'timed out'>((resolve) => {
    timer = setTimeout(() => resolve('timed out'), Math.min(Math.max(0, timeoutMs), timerMsMax));
  });
  try {
    const first = await Promise.race([promise.then((value) => ({ value })), timedOut]);
    return first === 'timed out' ? late() : first.value;
  } finally {
    clearTimeout(timer);
  }
}
