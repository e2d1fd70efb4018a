import { Holders } from '../../shared/counted-leases.ts';
import { EntityHashes } from '../../shared/entity-hashes.ts';
import { createPacer } from '../../shared/pacer.ts';
import { entityLine, packLines, removalLine } from '../../shared/snapshot-wire.ts';
import { canonicalJson, hashEntityText } from '../../shared/snapshot.ts';
import type { Adapted, Compatibility, CompatibilityRow, RefusalStatus } from './compatibility.ts';
import { type MirrorEntity, parseEntity } from './config-mirror.ts';
import type { Version, VersionHistory } from './version-history.ts';

/** A configuration that the nodes of one class should run. Immutable. Its packed forms are made on demand, once. */
export interface Publication {
  readonly hash: string;
  /** The newest revision that was read when this configuration was made. */
  readonly revision: number;
  readonly entityCount: number;
  /** The bytes of all lines together. */
  readonly unpackedBytes: number;
  /** Packs the whole configuration. */
  snapshot(): Promise<Buffer>;
  /** Packs the delta from that hash; undefined when the hash is too old or the delta would not be much shorter. */
  deltaFrom(baseHash: string): Promise<Buffer> | undefined;
}

/** A class of nodes as the rest of the sync sees it. */
export interface ServedClass {
  readonly key: string;
  /** The configuration for its nodes; undefined before the first version, and while the nodes are incompatible. */
  publication(): Publication | undefined;
  /** The reason why its nodes get no configuration; undefined when they do. */
  refusal(): RefusalStatus | undefined;
  /** The parts of the configuration that its nodes do not get. */
  rows(): readonly CompatibilityRow[];
}

/** The hash and line of an entity as it travels to one class. */
interface Shape {
  readonly hash: string;
  readonly line: string;
}

/** The whole is sent when the delta would be larger than this share of it. */
const deltaShareMax = 0.5;

/**
 * The nodes that get the same configuration: they know everything that this control plane knows, or lack the same parts.
 * Each version's hash is computed from the changes in it.
 */
export class NodeClass implements ServedClass {
  readonly key: string;
  /** The streams of this class. */
  readonly holders = new Holders();
  readonly #compatibility: Compatibility;
  readonly #history: VersionHistory;
  #version: Version | undefined;
  #hashes = EntityHashes.none;
  #lineBytes = 0;
  #entityCount = 0;
  readonly #rowCounts = new Map<string, { readonly row: CompatibilityRow; count: number }>();
  readonly #refusalCounts = new Map<RefusalStatus, number>();
  #rows: readonly CompatibilityRow[] = [];
  #refusal: RefusalStatus | undefined;
  /** The sequence of the newest version with each hash, as far as the history reaches back. */
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

  /** Moves to a newer version, in slices. Resolves to true when its nodes are affected. One call at a time. */
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
    // All counts change together here, so that no reader sees half of a version.
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
    const lineBytesMax = this.#lineBytes * deltaShareMax;
    this.#publication = {
      hash,
      revision: version.revision,
      entityCount: this.#entityCount,
      unpackedBytes: this.#lineBytes,
      snapshot: () => (whole ??= packLines(this.#lines(version))),
      deltaFrom: (baseHash) => {
        if (!deltas.has(baseHash)) deltas.set(baseHash, this.#delta(baseHash, version, lineBytesMax));
        return deltas.get(baseHash);
      },
    };
  }

  *#lines({ entities }: Version): Generator<string> {
    for (const entity of entities.values()) yield this.#shapeOf(entity)?.line ?? '';
  }

  #delta(baseHash: string, version: Version, lineBytesMax: number): Promise<Buffer> | undefined {
    const base = this.#sequences.get(baseHash);
    const changed = base === undefined ? undefined : this.#history.changedSince(base, version.sequence);
    if (changed === undefined) return undefined;
    const lines: string[] = [];
    let lineBytes = 0;
    for (const { key, plural, id } of changed) {
      const entity = version.entities.get(key);
      const line = (entity && this.#shapeOf(entity)?.line) ?? removalLine(plural, id);
      lines.push(line);
      lineBytes += Buffer.byteLength(line);
      if (lineBytes > lineBytesMax) return undefined;
    }
    return packLines(lines);
  }

  /** Adds the entity to the counts of its class, or subtracts it. */
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
    this.#lineBytes += by * Buffer.byteLength(shape.line);
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
