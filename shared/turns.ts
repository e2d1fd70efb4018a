/** Time that long work may take of one turn of the event loop, all work of the process together. */
const sliceMs = 5;

/**
 * Shares the event loop between long pieces of work and everything else: in each turn, work takes its share once,
 * however many pieces of it are under way. They have their turns one after another.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #endsMs = 0;
  #nextTurn: NodeJS.Immediate | undefined;

  /** Tells whether the share of this turn is used up: the work should wait for `next`. */
  isOver(): boolean {
    if (this.#nextTurn === undefined) this.#begin();
    return performance.now() >= this.#endsMs;
  }

  /** Resolves in a later turn that has a share for the caller. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#nextTurn === undefined) this.#begin();
    });
  }

  #begin(): void {
    this.#endsMs = performance.now() + sliceMs;
    this.#nextTurn = setImmediate(() => {
      this.#nextTurn = undefined;
      const resume = this.#waiting.shift();
      if (resume === undefined) return;
      this.#begin();
      resume();
    });
  }
}

/** The turns of this process. */
export const turns = new Turns();
