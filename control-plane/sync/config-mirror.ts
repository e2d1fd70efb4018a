import type { EntityFault } from '../../shared/config-source.ts';
import { findDanglingReferences, references } from '../../shared/entity-references.ts';
import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import { createPacer } from '../../shared/pacer.ts';
import { entityKey, entityLine } from '../../shared/snapshot-wire.ts';
import { canonicalJson, hashEntityText, type SnapshotEntity } from '../../shared/snapshot.ts';
import type { ConfigReader, EntityChange } from '../store/config-reader.ts';

/** An entity in its canonical form. The same object for as long as the entity does not change. */
export interface MirrorEntity {
  readonly plural: string;
  readonly id: string;
  /** As it travels. */
  readonly line: string;
  readonly hash: string;
  readonly enabled: boolean;
  /** Keys of the entities that it refers to. */
  readonly references: readonly string[];
}

/** What of the store travels to nodes, as of one revision; by `entityKey`. Immutable. */
export interface Travelling {
  readonly revision: number;
  readonly entities: ReadonlyMap<string, MirrorEntity>;
}

export interface ConfigMirrorOptions {
  readonly reader: ConfigReader;
  readonly entities: readonly EntityDescriptor[];
  /** Called when there is something to update. */
  readonly onChange: () => void;
}

/**
 * The store's entities in their canonical form, kept up with what each write says it changed, so that a change of one
 * entity costs as much as one entity. Everything is read when a write does not say, or a revision was missed.
 */
export class ConfigMirror {
  readonly #reader: ConfigReader;
  readonly #descriptors: ReadonlyMap<string, EntityDescriptor>;
  readonly #endChanges: () => void;
  #all = new Map<string, MirrorEntity>();
  /** Revision of `#all`; -1 before the first read. */
  #revision = -1;
  #queue: { readonly revision: number; readonly changes: readonly EntityChange[] | undefined }[] = [];

  constructor({ reader, entities, onChange }: ConfigMirrorOptions) {
    this.#reader = reader;
    this.#descriptors = new Map(entities.map((descriptor) => [descriptor.plural, descriptor]));
    this.#endChanges = reader.onChange((revision, changes) => {
      this.#queue.push({ revision, changes });
      onChange();
    });
  }

  stop(): void {
    this.#endChanges();
  }

  /** Follows the store; one call at a time. Works in slices. Throws when the store cannot be read: call it again then. */
  async update(): Promise<Travelling> {
    if (this.#revision === -1 || !this.#canFollow()) await this.#readAll();
    await this.#follow();
    return { revision: this.#revision, entities: travelling(this.#all) };
  }

  #canFollow(): boolean {
    return this.#queue.every(
      ({ revision, changes }, index) => changes !== undefined && revision === this.#revision + 1 + index,
    );
  }

  async #follow(): Promise<void> {
    const pacer = createPacer();
    const queue = this.#queue;
    this.#queue = [];
    for (const { revision, changes = [] } of queue) {
      for (const { plural, id, entity } of changes) {
        const key = entityKey(plural, id);
        if (entity === undefined) this.#all.delete(key);
        else this.#all.set(key, this.#entityOf(plural, entity, this.#all.get(key)));
        if (pacer.isDue()) await pacer.pause();
      }
      this.#revision = revision;
    }
  }

  /**
   * Piece by piece, so that nobody waits and the whole is never there twice. Pieces may be of different revisions: the
   * changes told meanwhile are left in the queue, and set what they changed to what it became, in order, whether a piece
   * had that already or not. When something is missing there, all is read again.
   */
  async #readAll(): Promise<void> {
    const pacer = createPacer();
    do {
      const revision = this.#reader.revision();
      // When reading fails, there is nothing to follow from.
      this.#revision = -1;
      this.#queue = this.#queue.filter((queued) => queued.revision > revision);
      const all = new Map<string, MirrorEntity>();
      for (const { plural, list } of this.#reader.readPieces()) {
        for (const entity of list) {
          const key = entityKey(plural, entity.id);
          all.set(key, this.#entityOf(plural, entity, this.#all.get(key)));
          if (pacer.isDue()) await pacer.pause();
        }
      }
      this.#all = all;
      this.#revision = revision;
    } while (!this.#canFollow() || this.#revision + this.#queue.length !== this.#reader.revision());
  }

  #entityOf(plural: string, entity: SnapshotEntity, before: MirrorEntity | undefined): MirrorEntity {
    const canonical = canonicalJson(entity);
    const line = flat(entityLine(plural, canonical));
    if (before?.line === line) return before;
    const descriptor = this.#descriptors.get(plural);
    return {
      plural,
      id: entity.id,
      line,
      hash: hashEntityText(plural, canonical),
      enabled: entity['enabled'] !== false,
      references:
        descriptor === undefined ? [] : references(entity, descriptor).map((to) => entityKey(to.plural, to.id)),
    };
  }
}

/** Reused, since a new one for each text would be garbage outside V8's heap, which V8 is in no hurry to collect. */
const flatBytes = Buffer.allocUnsafeSlow(256 * 1024);

/** The same text in one piece: V8 keeps one that was put together as a tree of its pieces, of several times the size. */
function flat(text: string): string {
  // A UTF-16 unit takes up to three bytes.
  if (text.length * 3 > flatBytes.length) return Buffer.from(text).toString();
  return flatBytes.toString('utf8', 0, flatBytes.write(text));
}

/** Entities that are not switched off and do not hang on one that is, at any depth. */
function travelling(all: ReadonlyMap<string, MirrorEntity>): Map<string, MirrorEntity> {
  const kept = new Map(all);
  for (const [key, entity] of all) if (!entity.enabled) kept.delete(key);
  // Each round follows references one step further. What refers to nothing at all is kept: that is a fault to report.
  for (let before = all.size; before !== kept.size;) {
    before = kept.size;
    for (const [key, entity] of kept) {
      if (entity.references.some((to) => all.has(to) && !kept.has(to))) kept.delete(key);
    }
  }
  return kept;
}

/** References to entities that do not travel: with one, nodes would have to refuse the whole. */
export function danglingReferences(
  { entities }: Travelling,
  descriptors: readonly EntityDescriptor[],
): readonly EntityFault[] {
  const all = [...entities.values()];
  if (all.every((entity) => entity.references.every((to) => entities.has(to)))) return [];
  const lists: Record<string, SnapshotEntity[]> = {};
  for (const entity of all) (lists[entity.plural] ??= []).push(parseEntity(entity));
  return findDanglingReferences(lists, descriptors);
}

/** The entity again. */
export function parseEntity({ plural, line }: MirrorEntity): SnapshotEntity {
  // Only this file makes lines, of entities.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(line.slice(plural.length + 1)) as SnapshotEntity;
}
