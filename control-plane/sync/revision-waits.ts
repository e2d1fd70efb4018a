export interface WaitOutcome {
  /** The text of the header `Sluice-Sync`. */
  readonly text: string;
  /** False while the text may still get better: the wait goes on for `graceMs` at most. */
  readonly isFinal: boolean;
}

export interface RevisionWait {
  readonly timeoutMs: number;
  /** Returns undefined while the wait must go on. Is called again at each `check`. */
  readonly outcome: () => WaitOutcome | undefined;
  /** Makes the text of a wait that ends without an outcome. */
  readonly unfinished: (reason: 'timeout' | 'stopped') => string;
}

/** How long a wait goes on after its first outcome that is not final. */
const graceMs = 2_000;

/** The writes that wait until nodes run their revision. */
export class RevisionWaits {
  readonly #waits = new Set<(end?: 'timeout' | 'stopped') => void>();
  #stopped = false;

  /** Tells whether no write waits. */
  get isEmpty(): boolean {
    return this.#waits.size === 0;
  }

  /** Resolves to the text of the outcome, or to the unfinished text at the timeout or the stop. Never rejects. */
  wait({ timeoutMs, outcome, unfinished }: RevisionWait): Promise<string> {
    return new Promise((resolve) => {
      let grace: NodeJS.Timeout | undefined;
      const finish = (text: string): void => {
        clearTimeout(timer);
        clearTimeout(grace);
        this.#waits.delete(look);
        resolve(text);
      };
      const look = (end?: 'timeout' | 'stopped'): void => {
        const found = outcome();
        if (found !== undefined && (found.isFinal || end !== undefined)) finish(found.text);
        else if (end !== undefined) finish(unfinished(end));
        else if (found !== undefined) grace ??= setTimeout(() => look('timeout'), graceMs);
      };
      const timer = setTimeout(() => look('timeout'), timeoutMs);
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
