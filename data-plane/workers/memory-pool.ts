/** The part of what is left that one lease takes at most. */
const shareMax = 0.05;

/** Someone who holds leases. */
export interface Leaseholder {
  /** Gives back what is not used, by `returned`; resolves when that is done or took too long. Never rejects. */
  giveBack(): Promise<void>;
}

/**
 * The node's memory for records, of which workers lease parts: the sum of the leases is never more than the whole. A
 * lease is what is asked for, and up to a twentieth of what is left, so that one worker can use all in the end. When
 * too little is left, the others give back what they do not use before anyone is refused.
 */
export class MemoryPool {
  readonly #bytesMax: number;
  readonly #leases = new Map<Leaseholder, number>();
  #leased = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get left(): number {
    return this.#bytesMax - this.#leased;
  }

  /** Resolves to the bytes leased: at least what is asked for, or all that is left. */
  async lease(holder: Leaseholder, bytes: number): Promise<number> {
    if (this.left < bytes) await this.#recall(holder);
    const lease = Math.min(this.left, Math.max(bytes, Math.floor(this.left * shareMax), 1));
    this.#change(holder, lease);
    return lease;
  }

  returned(holder: Leaseholder, bytes: number): void {
    this.#change(holder, -Math.min(bytes, this.#leases.get(holder) ?? 0));
  }

  /** Takes all back from one that is gone. */
  forget(holder: Leaseholder): void {
    this.#leased -= this.#leases.get(holder) ?? 0;
    this.#leases.delete(holder);
  }

  async #recall(asking: Leaseholder): Promise<void> {
    const others = [...this.#leases.keys()].filter((holder) => holder !== asking);
    await Promise.all(others.map((holder) => holder.giveBack()));
  }

  #change(holder: Leaseholder, bytes: number): void {
    this.#leased += bytes;
    this.#leases.set(holder, (this.#leases.get(holder) ?? 0) + bytes);
  }
}
