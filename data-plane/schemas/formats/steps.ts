/** Work that yields wherever it may be interrupted. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Steps run for this long before other work of the thread has its turn. */
const sliceMs = 5;
/** Steps between two looks at the clock. */
const stepsALook = 32;

/** The steps did not come to their end in time. */
export class StepsTooSlowError extends Error {
  constructor(timeoutMs: number) {
    super(`it takes longer than ${timeoutMs} ms`);
    this.name = 'StepsTooSlowError';
  }
}

/** Runs steps in short slices, between which requests are served. @throws StepsTooSlowError */
export async function runInSlices<T>(steps: Steps<T>, timeoutMs: number): Promise<T> {
  const startedMs = performance.now();
  let sliceEndsMs = startedMs + sliceMs;
  for (let count = 1; ; count++) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (count % stepsALook !== 0 || performance.now() < sliceEndsMs) continue;
    if (performance.now() - startedMs > timeoutMs) throw new StepsTooSlowError(timeoutMs);
    await new Promise((resolve) => setImmediate(resolve));
    sliceEndsMs = performance.now() + sliceMs;
  }
}

/** Runs steps to their end without a break. */
export function runAtOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
