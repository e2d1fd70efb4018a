import { backoffMs } from '../../shared/backoff.ts';
import { withinTime } from '../../shared/within-time.ts';
import type { Resolution, ResolvedAddress } from './resolve-target.ts';

const retry = { firstMs: 500, maxMs: 15_000 };

export interface TargetAddressesOptions {
  readonly host: string;
  readonly port: number;
  readonly resolve: (host: string, port: number) => Promise<Resolution>;
  /** The addresses are others than before. */
  readonly onChange: () => void;
  readonly onFailure: (error: string) => void;
}

/**
 * Keeps the addresses of one target: resolves its name again when its time to live is over. While no name server knows it
 * the last known addresses stay, since a name server that is away is no reason to drop a server that works.
 */
export class TargetAddresses {
  readonly #options: TargetAddressesOptions;
  readonly #first: Promise<void>;
  #addresses: readonly ResolvedAddress[] = [];
  #error: string | undefined = undefined;
  #attempt = 0;
  #timer: NodeJS.Timeout | undefined = undefined;
  #isClosed = false;

  constructor(options: TargetAddressesOptions) {
    this.#options = options;
    this.#first = this.#refresh();
  }

  get addresses(): readonly ResolvedAddress[] {
    return this.#addresses;
  }

  /** Why there are no addresses, or only old ones, in words. */
  get error(): string | undefined {
    return this.#error;
  }

  /** Resolves once the name was resolved or could not be, at the latest after the time. */
  async settled(timeoutMs: number): Promise<void> {
    await withinTime(this.#first, timeoutMs, () => undefined);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #refresh(): Promise<void> {
    const { host, port, resolve, onChange, onFailure } = this.#options;
    let nextMs: number;
    try {
      const { addresses, ttlMs } = await resolve(host, port);
      nextMs = ttlMs;
      this.#attempt = 0;
      this.#error = undefined;
      if (this.#isClosed) return;
      if (!isSame(addresses, this.#addresses)) {
        this.#addresses = addresses;
        onChange();
      }
    } catch (error) {
      nextMs = retry.firstMs / 2 + backoffMs(this.#attempt++, retry, Math.random());
      this.#error = error instanceof Error ? error.message : String(error);
      if (!this.#isClosed) onFailure(this.#error);
    }
    if (this.#isClosed || nextMs === Infinity) return;
    this.#timer = setTimeout(() => void this.#refresh(), nextMs);
  }
}

function isSame(some: readonly ResolvedAddress[], others: readonly ResolvedAddress[]): boolean {
  const text = (addresses: readonly ResolvedAddress[]) =>
    addresses
      .map(({ address, port, weight }) => `${address} ${port} ${weight ?? ''}`)
      .toSorted()
      .join();
  return text(some) === text(others);
}
