import type { SnapshotEntity } from '../../shared/snapshot.ts';

// Types only: what callers, and the parts of the store itself, may do with entities.

/** Reads of entities; `entity` is always a plural name. */
export interface EntityReads {
  get(entity: string, id: string): SnapshotEntity | undefined;
  /** Finds an entity by a unique field, the entity's key unless another is named. */
  find(entity: string, value: string, field?: string): SnapshotEntity | undefined;
  /** Finds an entity by fields that are unique together: words, and ids of references. */
  findTogether(entity: string, values: Readonly<Record<string, string>>): SnapshotEntity | undefined;
  /** Returns the entities whose reference has one of these ids. */
  referring(entity: string, field: string, ids: readonly string[]): SnapshotEntity[];
}

/** The operations of one write transaction. Each throws StoreViolation where uniqueness or a reference forbids it. */
export interface EntityWrites extends EntityReads {
  insert(entity: string, value: SnapshotEntity): SnapshotEntity;
  /** Inserts, or replaces the entity with the same id. */
  put(entity: string, value: SnapshotEntity): SnapshotEntity;
  /** Deletes an entity and what cascades from it. Returns false when there is no such entity. */
  delete(entity: string, id: string): boolean;
  /** Deletes what has expired; no read returns it in any case. */
  purgeExpired(): void;
  /**
   * Removes entities and adds others without checking each: the caller has checked all, and the result must be
   * consistent. For loads of whole configurations. Listeners learn no more than that something changed.
   */
  exchange(staged: StagedExchange): void;
}

/** An entity with the plural name of its kind. */
export interface StoredEntity {
  readonly plural: string;
  readonly value: SnapshotEntity;
}

export interface Exchange {
  readonly removed: Iterable<StoredEntity>;
  /** Their ids may be those of removed ones: the entity is replaced then. */
  readonly added: Iterable<StoredEntity>;
}

/**
 * Many changes, prepared outside the database: nobody waits for its lock meanwhile, and the work that is left to do under
 * the lock takes a third of the time. One at a time for a connection.
 */
export interface StagedExchange {
  /** Adds changes of entities of which it has none yet. */
  add(exchange: Exchange): void;
  /** Removes the changes of an entity. */
  drop(plural: string, id: string): void;
  /** Makes the changes, in a transaction; returns whether there were any. */
  apply(revision: number): boolean;
}
