import { latencyBuckets } from '../../../shared/latency-counts.ts';
import { boundedText } from '../bounded-text.ts';

const kinds = ['record', 'answer', 'pointer', 'latency', 'produce'] as const;
export type CountKind = (typeof kinds)[number];

/** Names of a kind that are told apart. Nodes send them; what is beyond the bound is counted as `other`. */
const namesMax = 1_000;
/** Bound of a name, in characters. */
const nameCharsMax = 120;
const otherName = 'other';

/** Gives each name of a count a number, so that a series holds numbers alone. */
export class TrafficNames {
  readonly #numbers = new Map<string, number>();
  readonly #names: { readonly kind: CountKind; readonly name: string }[] = [];
  readonly #perKind = new Map<CountKind, number>();

  /** Returns the number of a name. */
  numberOf(kind: CountKind, name: string): number {
    const key = `${kind} ${name}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const ofKind = this.#perKind.get(kind) ?? 0;
    if (ofKind >= namesMax && name !== otherName) return this.numberOf(kind, otherName);
    this.#perKind.set(kind, ofKind + 1);
    const number = this.#names.length;
    const kept = boundedText(name, nameCharsMax);
    this.#names.push({ kind, name: kept });
    this.#numbers.set(boundedText(key, nameCharsMax + 20), number);
    return number;
  }

  /** Returns the number of a bucket of latency; undefined when there is no such bucket. */
  numberOfBucket(kind: 'latency' | 'produce', bucket: number): number | undefined {
    return bucket < latencyBuckets ? this.numberOf(kind, String(bucket)) : undefined;
  }

  nameOf(number: number): { readonly kind: CountKind; readonly name: string } {
    return this.#names[number] ?? { kind: 'answer', name: otherName };
  }
}
