import { entityKey } from '../../shared/snapshot-wire.ts';
import type { MirrorEntity, Travelling } from './config-mirror.ts';

/** A published state of the configuration. */
export interface Version extends Travelling {
  /** The number of the version, counted from 1 in each process. */
  readonly sequence: number;
}

export interface VersionChange {
  readonly before: MirrorEntity | undefined;
  readonly after: MirrorEntity | undefined;
}

export interface ChangedKey {
  readonly key: string;
  readonly plural: string;
  readonly id: string;
}

/** How many versions back a delta may start. */
const versionsMax = 100;
/** Bound of the changed keys over all versions. Beyond it the oldest versions are dropped; their nodes get the whole. */
const changedKeysMax = 100_000;
/** Larger changes are compared again for each class instead of kept: they would hold everything that a load replaced. */
const keptChangesMax = 1_000;

/** Knows which entities each of the last versions changed. Holds only keys of the older versions. */
export class VersionHistory {
  #newest: Version | undefined;
  /** Undefined when there are more than `keptChangesMax`. */
  #newestChanges: readonly VersionChange[] | undefined;
  /** The keys that changed in each version, oldest first. */
  #steps: { readonly sequence: number; readonly changed: readonly ChangedKey[] }[] = [];

  newest(): Version | undefined {
    return this.#newest;
  }

  /** Makes the next version. Returns undefined when nothing that travels has changed. */
  push(state: Travelling): Version | undefined {
    const before = this.#newest;
    const changes = changesBetween(before?.entities, state.entities);
    if (changes.length === 0 && before !== undefined) return undefined;
    const version = { ...state, sequence: (before?.sequence ?? 0) + 1 };
    // No version leads to the first one.
    if (before !== undefined) this.#steps.push({ sequence: version.sequence, changed: changes.map(keyOf) });
    if (this.#steps.length > versionsMax) this.#steps.shift();
    let keys = 0;
    const tooOld = this.#steps.findLastIndex(({ changed }) => (keys += changed.length) > changedKeysMax);
    if (tooOld !== -1) this.#steps = this.#steps.slice(tooOld + 1);
    this.#newest = version;
    this.#newestChanges = changes.length > keptChangesMax ? undefined : changes;
    return version;
  }

  /** Returns the changes between two versions. */
  changes(from: Version | undefined, to: Version): readonly VersionChange[] {
    const isNext = to === this.#newest && from?.sequence === to.sequence - 1;
    return (isNext ? this.#newestChanges : undefined) ?? changesBetween(from?.entities, to.entities);
  }

  /** Tells whether a delta may start from the version of that number. */
  reaches(sequence: number): boolean {
    return sequence + 1 >= (this.#steps[0]?.sequence ?? Infinity) || sequence === this.#newest?.sequence;
  }

  /** Returns the entities that changed after one version and up to another, each once; undefined when unknown. */
  changedSince(sequence: number, upTo: number): readonly ChangedKey[] | undefined {
    if (!this.reaches(sequence)) return undefined;
    const changed = new Map<string, ChangedKey>();
    for (const step of this.#steps) {
      if (step.sequence <= sequence || step.sequence > upTo) continue;
      for (const one of step.changed) changed.set(one.key, one);
    }
    return [...changed.values()];
  }
}

function changesBetween(from: Travelling['entities'] | undefined, to: Travelling['entities']): VersionChange[] {
  const changes: VersionChange[] = [];
  for (const [key, after] of to) {
    const before = from?.get(key);
    if (before !== after) changes.push({ before, after });
  }
  for (const [key, before] of from ?? []) if (!to.has(key)) changes.push({ before, after: undefined });
  return changes;
}

function keyOf({ before, after }: VersionChange): ChangedKey {
  const { plural = '', id = '' } = after ?? before ?? {};
  return { key: entityKey(plural, id), plural, id };
}
