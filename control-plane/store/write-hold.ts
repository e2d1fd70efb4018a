/**
 * Says when another thread writes to the database. SQLite has one writer at a time, and a wait for it on the main thread
 * would hold up every call.
 */
export class WriteHold {
  #held: Promise<unknown> | undefined;

  /** Whether a write that can wait should. */
  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  /** Resolves when no other thread writes. */
  async released(): Promise<void> {
    while (this.#held !== undefined) await this.#held;
  }

  /** Holds writes until the promise is fulfilled or rejected. */
  hold(until: Promise<unknown>): void {
    const held = until
      .catch(() => undefined)
      .finally(() => {
        if (this.#held === held) this.#held = undefined;
      });
    this.#held = held;
  }
}
