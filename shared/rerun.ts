/** Work that is asked for again and again, one run at a time; however often it is asked for meanwhile, one more follows. */
export class Rerun {
  readonly #work: () => Promise<void>;
  #isWanted = false;
  #running: Promise<void> | undefined;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** A run begins now, or after the one under way. */
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
      // In the same turn as the last look, so that nothing is asked for between the two.
      this.#running = undefined;
    }
  }
}
