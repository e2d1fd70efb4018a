/** Length of a step of traffic. */
export const stepMs = 10_000;
/** Steps that are kept: 15 minutes. */
export const stepsMax = 90;

/** Counts by the numbers of `traffic-names.ts`. */
export type StepCounts = ReadonlyMap<number, number>;

/**
 * The counts of one route or node in steps of time. The present step is a map; those before it are packed, since there may
 * be thousands of series with 90 steps each.
 */
export class TrafficSeries {
  readonly #packed: (Uint32Array | undefined)[] = Array.from({ length: stepsMax });
  #step = 0;
  #current = new Map<number, number>();

  /** The newest step with a count. */
  get newestStep(): number {
    return this.#step;
  }

  add(step: number, key: number, count: number): void {
    if (step > this.#step) this.#advance(step);
    this.#current.set(key, (this.#current.get(key) ?? 0) + count);
  }

  /** Returns the counts of a step; empty where there are none or where they are too old. */
  at(step: number): StepCounts {
    if (step === this.#step) return this.#current;
    if (step > this.#step || step <= this.#step - stepsMax) return new Map();
    return unpacked(this.#packed[step % stepsMax]);
  }

  #advance(step: number): void {
    // Steps that were left out had no counts.
    for (let passed = Math.max(this.#step + 1, step - stepsMax + 1); passed <= step; passed += 1) {
      this.#packed[passed % stepsMax] = undefined;
    }
    if (step - this.#step < stepsMax) this.#packed[this.#step % stepsMax] = packed(this.#current);
    this.#step = step;
    this.#current = new Map();
  }
}

function packed(counts: StepCounts): Uint32Array | undefined {
  return counts.size === 0 ? undefined : Uint32Array.from([...counts].flat());
}

function unpacked(pairs: Uint32Array | undefined): StepCounts {
  const counts = new Map<number, number>();
  for (let index = 0; index < (pairs?.length ?? 0); index += 2)
    counts.set(pairs?.[index] ?? 0, pairs?.[index + 1] ?? 0);
  return counts;
}
