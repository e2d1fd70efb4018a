import type { SnapshotEntity } from '../../shared/snapshot.ts';

/** A change of one entity by a write. */
export interface EntityChange {
  readonly plural: string;
  readonly id: string;
  /** The entity as it is now; undefined when it is gone. */
  readonly entity: SnapshotEntity | undefined;
}

/** Some entities of one kind. */
export interface EntityPiece {
  readonly plural: string;
  readonly list: readonly SnapshotEntity[];
}

/** The part of the store that the publisher of snapshots needs. */
export interface ConfigReader {
  /** Returns a counter that grows with every committed change of an entity. */
  revision(): number;
  /**
   * Yields all entities, disabled ones too, a piece at a time; each is read when it is asked for. A write between two
   * pieces may be in them or not: a caller who pauses must apply what `onChange` tells meanwhile.
   */
  readPieces(): Iterable<EntityPiece>;
  /**
   * Calls the listener after each committed change, in order of revisions, with all that it changed, in order; without
   * `changes` everything may have changed. Returns the function that ends it.
   */
  onChange(listener: (revision: number, changes?: readonly EntityChange[]) => void): () => void;
}
