/**
 * Says when another thread writes to the database: SQLite lets one write at a time, and who waits for it on the main
 * thread keeps everybody waiting.
 */
export class WriteHold {
  #held: Promise<unknown> | undefined;

  /** Whether who can wait should. */
  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  /** Resolves when nobody else writes. */
  async released(): Promise<void> {
    while (this.#held !== undefined) await this.#held;
  }

  /** Until the promise is settled, however. */
  hold(until: Promise<unknown>): void {
    const held = until
      .catch(() => undefined)
      .finally(() => {
        if (this.#held === held) this.#held = undefined;
      });
    this.#held = held;
  }
}
