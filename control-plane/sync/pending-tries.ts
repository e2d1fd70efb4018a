import type { TryRequest } from '../../shared/generated/sluice/sync/v1/TryRequest.ts';
import type { TryResult__Output } from '../../shared/generated/sluice/sync/v1/TryResult.ts';
import type { TryResult } from './node-session-types.ts';

/** The sample requests that a node has been sent and not answered. */
export class PendingTries {
  readonly #waiting = new Map<number, (result: TryResult | undefined) => void>();
  #lastId = 0;

  /** Returns the message for the node and the promise of its answer. */
  begin(json: Buffer): { readonly tryRequest: TryRequest; readonly answer: Promise<TryResult | undefined> } {
    const id = (this.#lastId += 1);
    const answer = new Promise<TryResult | undefined>((resolve) => this.#waiting.set(id, resolve));
    return { tryRequest: { id, json }, answer };
  }

  /** Notes an answer; one that nobody waits for is ignored. */
  answered({ id, status, json }: TryResult__Output): void {
    const resolve = this.#waiting.get(id);
    this.#waiting.delete(id);
    resolve?.({ status, json });
  }

  /** Answers all that wait: the stream has ended. */
  end(): void {
    for (const resolve of this.#waiting.values()) resolve(undefined);
    this.#waiting.clear();
  }
}
