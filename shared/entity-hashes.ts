import { hash as digestOf } from 'node:crypto';
import { createPacer } from './pacer.ts';

/** Above this many changes sorting anew costs less than looking each one's place up. */
const placedOneByOneMax = 1_000;
/** Hex digits that begin a hash: what sorts into one bucket is sorted in one go. */
const bucketDigits = 2;

/** The hashes of all entities of a configuration, in order. Immutable; a changed set shares nothing with its base. */
export class EntityHashes {
  readonly #sorted: readonly string[];

  private constructor(sorted: readonly string[]) {
    this.#sorted = sorted;
  }

  static readonly none = new EntityHashes([]);

  /** Sorts in slices that leave the event loop to others. */
  static async of(hashes: Iterable<string>): Promise<EntityHashes> {
    const pacer = createPacer();
    const buckets = new Map<string, string[]>();
    for (const hash of hashes) {
      const digits = hash.slice(0, bucketDigits);
      const bucket = buckets.get(digits);
      if (bucket === undefined) buckets.set(digits, [hash]);
      else bucket.push(hash);
      if (pacer.isDue()) await pacer.pause();
    }
    const sorted: string[] = [];
    for (const digits of [...buckets.keys()].sort()) {
      sorted.push(...(buckets.get(digits) ?? []).sort());
      if (pacer.isDue()) await pacer.pause();
    }
    return new EntityHashes(sorted);
  }

  /** The set without some hashes, which must be in it, and with others. */
  async with(removed: readonly string[], added: readonly string[]): Promise<EntityHashes> {
    if (removed.length + added.length > placedOneByOneMax) {
      const gone = new Set(removed);
      return EntityHashes.of([...this.#sorted.filter((hash) => !gone.has(hash)), ...added]);
    }
    const sorted = [...this.#sorted];
    for (const hash of removed) {
      const place = placeOf(sorted, hash);
      if (sorted[place] === hash) sorted.splice(place, 1);
    }
    for (const hash of added) sorted.splice(placeOf(sorted, hash), 0, hash);
    return new EntityHashes(sorted);
  }

  /** The hash of the configuration: SHA-256 in hex over all of them. */
  digest(): string {
    return digestOf('sha256', this.#sorted.join(''), 'hex');
  }
}

/** The first position whose hash is not before this one. */
function placeOf(sorted: readonly string[], hash: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? '') < hash) low = middle + 1;
    else high = middle;
  }
  return low;
}
