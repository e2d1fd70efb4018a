/** One timer for many moments: runs once at the earliest that was asked for. */
export class WakeTimer {
  readonly #run: () => void;
  #timer: NodeJS.Timeout | undefined;
  #atMs = Infinity;

  constructor(run: () => void) {
    this.#run = run;
  }

  /** Wakes at this moment (monotonic ms) or before. */
  at(monotonicMs: number): void {
    if (monotonicMs >= this.#atMs) return;
    clearTimeout(this.#timer);
    this.#atMs = monotonicMs;
    this.#timer = setTimeout(
      () => {
        this.#atMs = Infinity;
        this.#run();
      },
      Math.max(0, Math.ceil(monotonicMs - performance.now())),
    );
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#atMs = Infinity;
  }
}
