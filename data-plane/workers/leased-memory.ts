import type { NodeMemory } from '../kafka/queue-bounds.ts';

/** The part of the whole below which a worker leases ahead of need, and that it keeps. */
const spareShare = 0.04;
/** How often what is not needed is given back. */
const giveBackMs = 1_000;

export interface LeasedMemoryOptions {
  /** The node's whole. */
  readonly bytesMax: number;
  /** Asks the parent; resolves to the bytes leased, fewer when there are not as many. Never rejects. */
  readonly lease: (bytes: number) => Promise<number>;
  readonly giveBack: (bytes: number) => void;
}

/** A worker's share in the node's memory for records: leased from the parent before it runs out, given back when idle. */
export class LeasedMemory implements NodeMemory {
  readonly bytesMax: number;
  readonly #options: LeasedMemoryOptions;
  readonly #spare: number;
  #granted = 0;
  #bytes = 0;
  #asking: Promise<void> | undefined;
  readonly #timer: NodeJS.Timeout;

  constructor(options: LeasedMemoryOptions) {
    this.#options = options;
    this.bytesMax = options.bytesMax;
    this.#spare = Math.max(1, Math.floor(options.bytesMax * spareShare));
    this.#timer = setInterval(() => this.#giveBackIdle(), giveBackMs);
    this.#timer.unref();
  }

  get granted(): number {
    return this.#granted;
  }

  get bytes(): number {
    return this.#bytes;
  }

  set bytes(bytes: number) {
    this.#bytes = bytes;
    if (this.#granted - bytes < this.#spare / 2) void this.#ask(this.#spare);
  }

  /** Leases so many bytes more than are used. Resolves whether they are there now; somebody else may take them first. */
  async more(bytes: number): Promise<boolean> {
    while (this.#bytes + bytes > this.#granted) {
      const before = this.#granted;
      await this.#ask(this.#bytes + bytes - this.#granted);
      if (this.#granted === before) return false;
    }
    return true;
  }

  /** Takes what is not used off the lease, for somebody who needs it, and returns the bytes. */
  release(): number {
    const unused = Math.max(0, this.#granted - this.#bytes);
    this.#granted -= unused;
    return unused;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #ask(bytes: number): Promise<void> {
    this.#asking ??= this.#options.lease(bytes).then((leased) => {
      this.#granted += leased;
      this.#asking = undefined;
    });
    return this.#asking;
  }

  #giveBackIdle(): void {
    const idle = this.#granted - this.#bytes - this.#spare;
    if (idle <= this.#spare) return;
    this.#granted -= idle;
    this.#options.giveBack(idle);
  }
}
