/**
 * Tells an attempt that its client has gone. Attempts follow each other, so that there is one listener at a time. An
 * AbortSignal does the same for several times the cost, and every request needs one.
 */
export class Cancellation {
  #isCancelled = false;
  #listener: (() => void) | undefined = undefined;

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  cancel(): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#listener?.();
  }

  /** Calls the listener once it is cancelled, in place of the one before; undefined: nobody. */
  listen(listener: (() => void) | undefined): void {
    this.#listener = listener;
  }
}
