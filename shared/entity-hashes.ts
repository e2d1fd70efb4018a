import { createHash } from 'node:crypto';
import { createPacer } from './pacer.ts';
import { sortInSlices } from './sort-in-slices.ts';

/** Above this many changes sorting anew costs less than looking each one's place up. */
const placedOneByOneMax = 1_000;
/** Hashes that are digested in one go: 0.1 ms. */
const digestedAtOnce = 1_000;

/** The hashes of all entities of a configuration, in order. Immutable; a changed set shares nothing with its base. */
export class EntityHashes {
  readonly #sorted: readonly string[];

  private constructor(sorted: readonly string[]) {
    this.#sorted = sorted;
  }

  static readonly none = new EntityHashes([]);

  /** Sorts in slices that leave the event loop to others. */
  static async of(hashes: Iterable<string>): Promise<EntityHashes> {
    return new EntityHashes(await sortInSlices(hashes, (hash) => hash));
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

  /** The hash of the configuration: SHA-256 in hex over all of them. Works in slices. */
  async digest(): Promise<string> {
    const pacer = createPacer();
    const digest = createHash('sha256');
    for (let start = 0; start < this.#sorted.length; start += digestedAtOnce) {
      digest.update(this.#sorted.slice(start, start + digestedAtOnce).join(''), 'latin1');
      if (pacer.isDue()) await pacer.pause();
    }
    return digest.digest('hex');
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
