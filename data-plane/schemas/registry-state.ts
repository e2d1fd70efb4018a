import type { Destination } from '../../shared/destination.ts';

/** Keeps whether a registry answers, by the last request to it. */
export class RegistryState {
  /** Host and port. */
  readonly name: string;
  #state: Destination['state'] = 'untested';
  #error: string | null = null;

  constructor(url: string) {
    this.name = new URL(url).host;
  }

  get state(): Destination['state'] {
    return this.#state;
  }

  get destination(): Destination {
    return { kind: 'registry', name: this.name, state: this.#state, error: this.#error };
  }

  answered(): void {
    this.#state = 'reachable';
    this.#error = null;
  }

  /** @param reason says in words, without a secret, why it gave no answer */
  failed(reason: string): void {
    this.#state = 'unreachable';
    this.#error = reason;
  }
}
