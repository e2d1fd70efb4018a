export interface RevisionWait {
  readonly timeoutMs: number;
  /** Returns the text that ends the wait; undefined while it goes on. Is called again at each `check`. */
  readonly outcome: () => string | undefined;
  /** Makes the text of a wait that ends without an outcome. */
  readonly unfinished: (reason: 'timeout' | 'stopped') => string;
}

/** The writes that wait until nodes run their revision. */
export class RevisionWaits {
  readonly #waits = new Set<(stopped?: 'stopped') => void>();
  #stopped = false;

  /** Tells whether any write waits. */
  get isEmpty(): boolean {
    return this.#waits.size === 0;
  }

  /** Resolves to the outcome, or to the unfinished text at the timeout or the stop. Never rejects. */
  wait({ timeoutMs, outcome, unfinished }: RevisionWait): Promise<string> {
    return new Promise((resolve) => {
      const finish = (text: string): void => {
        clearTimeout(timer);
        this.#waits.delete(look);
        resolve(text);
      };
      const look = (stopped?: 'stopped'): void => {
        const text = stopped === undefined ? outcome() : unfinished(stopped);
        if (text !== undefined) finish(text);
      };
      const timer = setTimeout(() => finish(unfinished('timeout')), timeoutMs);
      this.#waits.add(look);
      look(this.#stopped ? 'stopped' : undefined);
    });
  }

  /** Looks at every wait again. */
  check(): void {
    for (const look of this.#waits) look();
  }

  /** Ends every wait, and each one to come at once. */
  stop(): void {
    this.#stopped = true;
    for (const look of this.#waits) look('stopped');
  }
}
