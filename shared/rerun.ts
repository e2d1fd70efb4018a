/** Runs work one run at a time. However often it is asked for during a run, one more run follows. */
export class Rerun {
  readonly #work: () => Promise<void>;
  #isWanted = false;
  #running: Promise<void> | undefined;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Begins a run now, or after the one under way. */
  start(): void {
    this.#isWanted = true;
    this.#running ??= this.#run();
  }

  /** Resolves when nothing runs. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      do {
        this.#isWanted = false;
        await this.#work();
      } while (this.#isWanted);
    } finally {
      // In the same turn as the last check of #isWanted, so that no request falls between the two.
      this.#running = undefined;
    }
  }
}
