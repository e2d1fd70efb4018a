import { AnsweredKeys, type KeyClaim, type KeyClaims } from '../plugin-api/answered-keys.ts';
import type { Answer } from '../plugin-api/exchange.ts';

/** The keys of all workers, in their parent. What a worker had begun when it ended is free again: nobody knows its outcome. */
export class SharedKeys<Worker> {
  readonly #keys = new AnsweredKeys();
  readonly #begun = new Map<Worker, Set<string>>();

  claim(worker: Worker, key: string): KeyClaim {
    const claim = this.#keys.claim(key);
    if (claim.kind === 'begun') this.#begunBy(worker).add(key);
    return claim;
  }

  end(worker: Worker, key: string, answer: Answer | undefined): void {
    // One that was given up as lost has nothing to end.
    if (this.#begunBy(worker).delete(key)) this.#keys.end(key, answer);
  }

  forget(worker: Worker): void {
    for (const key of this.#begunBy(worker)) this.#keys.end(key, undefined);
    this.#begun.delete(worker);
  }

  #begunBy(worker: Worker): Set<string> {
    let keys = this.#begun.get(worker);
    if (keys === undefined) this.#begun.set(worker, (keys = new Set()));
    return keys;
  }
}

export interface ParentKeysOptions {
  /** Asks the parent; resolves to undefined when it does not answer in time. Never rejects. */
  readonly claim: (key: string) => Promise<KeyClaim | undefined>;
  readonly end: (key: string, answer: Answer | undefined) => void;
}

/** The keys as a worker sees them: its parent decides. */
export function createParentKeys({ claim, end }: ParentKeysOptions): KeyClaims {
  return {
    claim: async (key) => (await claim(key)) ?? { kind: 'under way' },
    end(key, answer) {
      // Functions do not cross the channel, and a stored answer is a text.
      end(
        key,
        answer && {
          status: answer.status,
          headers: answer.headers,
          body: answer.body,
          ...(answer.result && { result: answer.result }),
        },
      );
    },
  };
}
