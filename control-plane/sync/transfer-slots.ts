/** The right to transfer one snapshot. */
export interface TransferSlot {
  /** Takes the slot if one is free and returns true. Otherwise queues for it; `onReady` is called when it is held. */
  request(): boolean;
  /** Notes progress. A slot without progress for `stallMs` goes to others until it is requested again. */
  touch(): void;
  release(): void;
}

/**
 * Bounds how many snapshots are in transfer at once, first come first served. Stalled transfers do not count, so that
 * nodes that do not read cannot delay others.
 */
export class TransferSlots {
  readonly #slotsMax: number;
  readonly #stallMs: number;
  /** The waiting transfers in order, each with the function that starts it. */
  readonly #waiting = new Map<object, () => void>();
  #taken = 0;

  constructor({ slotsMax = 16, stallMs = 1_000 }: { readonly slotsMax?: number; readonly stallMs?: number } = {}) {
    this.#slotsMax = slotsMax;
    this.#stallMs = stallMs;
  }

  /** The number of transfers under way, without the stalled ones. */
  get taken(): number {
    return this.#taken;
  }

  open(onReady: () => void): TransferSlot {
    const key = {};
    let held = false;
    let timer: NodeJS.Timeout | undefined;
    const giveBack = (): void => {
      clearTimeout(timer);
      if (!held) return;
      held = false;
      this.#taken -= 1;
      this.#next();
    };
    const touch = (): void => {
      clearTimeout(timer);
      if (held) timer = setTimeout(giveBack, this.#stallMs);
    };
    const take = (): void => {
      held = true;
      this.#taken += 1;
      touch();
    };
    return {
      request: () => {
        if (!held && this.#taken < this.#slotsMax) take();
        else if (!held) {
          this.#waiting.set(key, () => {
            take();
            onReady();
          });
        }
        return held;
      },
      touch,
      release: () => {
        this.#waiting.delete(key);
        giveBack();
      },
    };
  }

  #next(): void {
    for (const [key, start] of this.#waiting) {
      if (this.#taken >= this.#slotsMax) return;
      this.#waiting.delete(key);
      start();
    }
  }
}
