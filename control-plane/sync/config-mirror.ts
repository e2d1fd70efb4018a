import type { EntityFault } from '../../shared/config-source.ts';
import { findDanglingReferences, references } from '../../shared/entity-references.ts';
import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import { unresolvableReferences } from '../../shared/entities/unresolvable.ts';
import { createPacer } from '../../shared/pacer.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import { entityKey, entityLine } from '../../shared/snapshot-wire.ts';
import { canonicalJson, hashEntityText, referencedId, type SnapshotEntity } from '../../shared/snapshot.ts';
import type { ConfigReader, EntityChange } from '../store/config-reader.ts';

/** An entity in its canonical form. The object stays the same as long as the entity does not change. */
export interface MirrorEntity {
  readonly plural: string;
  readonly id: string;
  /** The line of the entity in a snapshot. */
  readonly line: string;
  readonly hash: string;
  readonly enabled: boolean;
  /** The keys of the entities that it refers to. */
  readonly references: readonly string[];
  /** Why the entity is withheld from all nodes; absent: it is not. */
  readonly withheld?: Withheld;
}

/** An entity that every node would reject, so that it is withheld in order not to hold up all others. */
export interface Withheld {
  readonly faults: readonly EntityFault[];
  /**
   * The keys of the entities that are withheld with it: what a plugin that decides who may send, or what is written, is
   * bound to must not serve without the plugin.
   */
  readonly closes: readonly string[];
}

/** The entities that travel to nodes at one revision, by `entityKey`. Immutable. */
export interface Travelling {
  readonly revision: number;
  readonly entities: ReadonlyMap<string, MirrorEntity>;
}

export interface ConfigMirrorOptions {
  readonly reader: ConfigReader;
  readonly entities: readonly EntityDescriptor[];
  readonly plugins?: PluginSchemas;
  /** Is called when `update` has something to do. */
  readonly onChange: () => void;
}

/**
 * Mirrors the store's entities in their canonical form. It follows the changes that each write reports, so that a write
 * of one entity costs as much as one entity. It reads everything when a write reports no changes or a revision was
 * missed.
 */
export class ConfigMirror {
  readonly #reader: ConfigReader;
  readonly #descriptors: ReadonlyMap<string, EntityDescriptor>;
  readonly #plugins: PluginSchemas;
  readonly #endChanges: () => void;
  #all = new Map<string, MirrorEntity>();
  /** The revision of `#all`; -1 before the first read. */
  #revision = -1;
  #queue: { readonly revision: number; readonly changes: readonly EntityChange[] | undefined }[] = [];

  constructor({ reader, entities, plugins = {}, onChange }: ConfigMirrorOptions) {
    this.#reader = reader;
    this.#plugins = plugins;
    this.#descriptors = new Map(entities.map((descriptor) => [descriptor.plural, descriptor]));
    this.#endChanges = reader.onChange((revision, changes) => {
      this.#queue.push({ revision, changes });
      onChange();
    });
  }

  stop(): void {
    this.#endChanges();
  }

  /**
   * Catches up with the store, in slices that leave the event loop to others. One call at a time. Throws when the store
   * cannot be read; the next call tries again.
   */
  async update(): Promise<Travelling> {
    if (this.#revision === -1 || !this.#canFollow()) await this.#readAll();
    await this.#follow();
    return { revision: this.#revision, entities: travelling(this.#all) };
  }

  /** Returns the faults of the entities that are withheld from nodes. */
  withheld(): readonly EntityFault[] {
    return [...this.#all.values()].flatMap((entity) => entity.withheld?.faults ?? []);
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
   * Reads everything piece by piece, so that other work is not delayed and no second copy of the whole exists. Pieces
   * may belong to different revisions. Changes that are reported meanwhile stay in the queue and are applied afterwards,
   * in order; applying one twice does no harm. If a revision is missing in the queue, everything is read again.
   */
  async #readAll(): Promise<void> {
    const pacer = createPacer();
    do {
      const revision = this.#reader.revision();
      // If the read fails, the next update must begin with a full read.
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
    const withheld = descriptor && withheldOf(descriptor, this.#plugins, entity);
    return {
      ...(withheld && { withheld }),
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

const scopes = ['route', 'service', 'consumer'] as const;

function withheldOf(
  descriptor: EntityDescriptor,
  plugins: PluginSchemas,
  entity: SnapshotEntity,
): Withheld | undefined {
  const faults = unresolvableReferences(descriptor, plugins, entity);
  if (faults.length === 0) return undefined;
  const { name } = entity;
  const isRequired = typeof name === 'string' && plugins[name]?.requiredToUnderstand === true;
  if (descriptor.plural !== 'plugins' || !isRequired) return { faults, closes: [] };
  const closes = scopes.flatMap((scope) => {
    const id = referencedId(entity[scope]);
    return id === undefined ? [] : [entityKey(`${scope}s`, id)];
  });
  return { faults, closes };
}

/** One buffer for all texts: V8 collects buffers late, because they lie outside its heap. */
const flatBytes = Buffer.allocUnsafeSlow(256 * 1024);

/** Returns the same text in one piece. V8 keeps a concatenated text as a tree of its pieces, several times as large. */
function flat(text: string): string {
  // A UTF-16 unit takes at most three bytes in UTF-8.
  if (text.length * 3 > flatBytes.length) return Buffer.from(text).toString();
  return flatBytes.toString('utf8', 0, flatBytes.write(text));
}

/** Returns the entities that are enabled and refer only to enabled ones, directly or through others. */
function travelling(all: ReadonlyMap<string, MirrorEntity>): Map<string, MirrorEntity> {
  const kept = new Map(all);
  for (const [key, entity] of all) {
    if (!entity.enabled || entity.withheld !== undefined) kept.delete(key);
    for (const closed of entity.enabled ? (entity.withheld?.closes ?? []) : []) kept.delete(closed);
  }
  // Each round follows references one step further. An entity with a dangling reference stays: that fault is reported.
  for (let before = all.size; before !== kept.size;) {
    before = kept.size;
    for (const [key, entity] of kept) {
      if (entity.references.some((to) => all.has(to) && !kept.has(to))) kept.delete(key);
    }
  }
  return kept;
}

/** Finds references to entities that do not travel. One of them would make every node reject the configuration. */
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

/** Parses the line back into the entity. */
export function parseEntity({ plural, line }: MirrorEntity): SnapshotEntity {
  // Only this file makes lines, and only from entities.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(line.slice(plural.length + 1)) as SnapshotEntity;
}
