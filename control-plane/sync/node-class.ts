import { Holders } from '../../shared/counted-leases.ts';
import { EntityHashes } from '../../shared/entity-hashes.ts';
import { createPacer } from '../../shared/pacer.ts';
import { entityLine, packLines, removalLine } from '../../shared/snapshot-wire.ts';
import { canonicalJson, hashEntityText } from '../../shared/snapshot.ts';
import type { Adapted, Compatibility, CompatibilityRow, RefusalStatus } from './compatibility.ts';
import { type MirrorEntity, parseEntity } from './config-mirror.ts';
import type { Version, VersionHistory } from './version-history.ts';

/** A configuration that nodes of one class should run. Immutable; what travels is made on demand, once. */
export interface Publication {
  readonly hash: string;
  /** The newest revision that was read when this came to be. */
  readonly revision: number;
  readonly entityCount: number;
  /** The whole, packed. */
  snapshot(): Promise<Buffer>;
  /** The way from that hash to this one, packed; undefined when it is not known or would not be much shorter. */
  deltaFrom(baseHash: string): Promise<Buffer> | undefined;
}

/** What the rest of the sync needs of a class. */
export interface ServedClass {
  readonly key: string;
  /** What its nodes should run: undefined before the first version, and while they are refused. */
  publication(): Publication | undefined;
  /** Why its nodes are served nothing. */
  refusal(): RefusalStatus | undefined;
  /** What its nodes do not get, of what the configuration holds. */
  rows(): readonly CompatibilityRow[];
}

/** What travels of one entity, by its hash and line. */
interface Shape {
  readonly hash: string;
  readonly line: string;
}

/** A delta of more than this part of the whole is not worth being one. */
const deltaShareMax = 0.5;

/**
 * The nodes that are served alike: those that know all that this control plane knows, or less of it in the same way. The
 * hash of what they run follows each version by what changed in it.
 */
export class NodeClass implements ServedClass {
  readonly key: string;
  /** The streams of this class. */
  readonly holders = new Holders();
  readonly #compatibility: Compatibility;
  readonly #history: VersionHistory;
  #version: Version | undefined;
  #hashes = EntityHashes.none;
  #lineChars = 0;
  #entityCount = 0;
  readonly #rowCounts = new Map<string, { readonly row: CompatibilityRow; count: number }>();
  readonly #refusalCounts = new Map<RefusalStatus, number>();
  #rows: readonly CompatibilityRow[] = [];
  #refusal: RefusalStatus | undefined;
  /** Sequence of the newest version with that hash; those that the history still reaches. */
  readonly #sequences = new Map<string, number>();
  #publication: Publication | undefined;

  constructor(compatibility: Compatibility, history: VersionHistory) {
    this.key = compatibility.key;
    this.#compatibility = compatibility;
    this.#history = history;
    if (compatibility.refusal !== undefined) {
      this.#refusal = compatibility.refusal.status;
      this.#rows = [compatibility.refusal.row];
    }
  }

  publication(): Publication | undefined {
    return this.#refusal === undefined ? this.#publication : undefined;
  }

  refusal(): RefusalStatus | undefined {
    return this.#refusal;
  }

  rows(): readonly CompatibilityRow[] {
    return this.#rows;
  }

  /** Follows to a newer version; true when its nodes should do something else now. One call at a time, in slices. */
  async advance(version: Version): Promise<boolean> {
    if (this.#compatibility.refusal !== undefined || version === this.#version) return false;
    const before = { publication: this.publication(), refusal: this.#refusal };
    const changes = this.#history.changes(this.#version, version);
    const pacer = createPacer();
    const removed: string[] = [];
    const added: string[] = [];
    for (const { before, after } of changes) {
      if (before !== undefined) {
        const shape = this.#count(before, -1);
        if (shape !== undefined) removed.push(shape.hash);
      }
      if (after !== undefined) {
        const shape = this.#count(after, 1);
        if (shape !== undefined) added.push(shape.hash);
      }
      if (pacer.isDue()) await pacer.pause();
    }
    const hashes = await this.#hashes.with(removed, added);
    const hash = await hashes.digest();
    this.#hashes = hashes;
    this.#version = version;
    this.#publish(version, hash);
    return this.publication() !== before.publication || this.#refusal !== before.refusal;
  }

  #publish(version: Version, hash: string): void {
    // Only here, so that nobody sees one half counted.
    this.#rows = [...this.#rowCounts.values()].map(({ row }) => row);
    [this.#refusal] = this.#refusalCounts.keys();
    for (const [known, sequence] of this.#sequences) {
      if (!this.#history.reaches(sequence)) this.#sequences.delete(known);
    }
    this.#sequences.delete(hash);
    this.#sequences.set(hash, version.sequence);
    if (hash === this.#publication?.hash) return;
    const deltas = new Map<string, Promise<Buffer> | undefined>();
    let whole: Promise<Buffer> | undefined;
    const lineCharsMax = this.#lineChars * deltaShareMax;
    this.#publication = {
      hash,
      revision: version.revision,
      entityCount: this.#entityCount,
      snapshot: () => (whole ??= packLines(this.#lines(version))),
      deltaFrom: (baseHash) => {
        if (!deltas.has(baseHash)) deltas.set(baseHash, this.#delta(baseHash, version, lineCharsMax));
        return deltas.get(baseHash);
      },
    };
  }

  *#lines({ entities }: Version): Generator<string> {
    for (const entity of entities.values()) yield this.#shapeOf(entity)?.line ?? '';
  }

  #delta(baseHash: string, version: Version, lineCharsMax: number): Promise<Buffer> | undefined {
    const base = this.#sequences.get(baseHash);
    const changed = base === undefined ? undefined : this.#history.changedSince(base, version.sequence);
    if (changed === undefined) return undefined;
    const lines: string[] = [];
    let lineChars = 0;
    for (const { key, plural, id } of changed) {
      const entity = version.entities.get(key);
      const line = (entity && this.#shapeOf(entity)?.line) ?? removalLine(plural, id);
      lines.push(line);
      lineChars += line.length;
      if (lineChars > lineCharsMax) return undefined;
    }
    return packLines(lines);
  }

  /** Adds the entity to what its class counts, or takes it away. */
  #count(entity: MirrorEntity, by: 1 | -1): Shape | undefined {
    const adapted = this.#adapted(entity);
    for (const row of adapted?.rows ?? []) {
      const key = canonicalJson(row);
      const counted = this.#rowCounts.get(key) ?? { row, count: 0 };
      counted.count += by;
      if (counted.count === 0) this.#rowCounts.delete(key);
      else this.#rowCounts.set(key, counted);
    }
    if (adapted?.refusal !== undefined) {
      const count = (this.#refusalCounts.get(adapted.refusal) ?? 0) + by;
      if (count === 0) this.#refusalCounts.delete(adapted.refusal);
      else this.#refusalCounts.set(adapted.refusal, count);
    }
    const shape = adapted === undefined ? entity : shapeOf(entity, adapted);
    if (shape === undefined) return undefined;
    this.#entityCount += by;
    this.#lineChars += by * shape.line.length;
    return shape;
  }

  #adapted(entity: MirrorEntity): Adapted | undefined {
    return this.#compatibility.adapt?.(entity.plural, parseEntity(entity));
  }

  #shapeOf(entity: MirrorEntity): Shape | undefined {
    const adapted = this.#adapted(entity);
    return adapted === undefined ? entity : shapeOf(entity, adapted);
  }
}

function shapeOf({ plural }: MirrorEntity, { entity }: Adapted): Shape | undefined {
  if (entity === undefined) return undefined;
  const canonical = canonicalJson(entity);
  return { hash: hashEntityText(plural, canonical), line: entityLine(plural, canonical) };
}
