/** Counts the holders of one shared thing. Whoever creates the count is the first holder. */
export class Holders {
  #count = 1;

  get count(): number {
    return this.#count;
  }

  hold(): void {
    this.#count += 1;
  }

  /** @returns whether that was the last holder */
  release(): boolean {
    this.#count -= 1;
    return this.#count === 0;
  }
}

/** A share in a value. A second call of `release` does nothing. */
export interface Lease<Value> {
  readonly value: Value;
  readonly release: () => void;
}

/** Values by key. Each is created for its first holder and ended after its last. */
export class CountedLeases<Key, Value> {
  readonly #onUnused: (value: Value) => void;
  readonly #shared = new Map<Key, { readonly value: Value; readonly holders: Holders }>();

  constructor(onUnused: (value: Value) => void) {
    this.#onUnused = onUnused;
  }

  get size(): number {
    return this.#shared.size;
  }

  *values(): Generator<Value> {
    for (const { value } of this.#shared.values()) yield value;
  }

  acquire(key: Key, create: () => Value): Lease<Value> {
    let shared = this.#shared.get(key);
    if (shared === undefined) this.#shared.set(key, (shared = { value: create(), holders: new Holders() }));
    else shared.holders.hold();
    const { value, holders } = shared;
    let isReleased = false;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      // After `clear` the key may belong to another value.
      if (!holders.release() || this.#shared.get(key)?.holders !== holders) return;
      this.#shared.delete(key);
      this.#onUnused(value);
    };
    return { value, release };
  }

  /** Forgets all values without ending them; leases that are still held release nothing. @returns the values */
  clear(): Value[] {
    const values = [...this.values()];
    this.#shared.clear();
    return values;
  }
}
