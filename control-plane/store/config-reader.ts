import type { SnapshotEntity } from '../../shared/snapshot.ts';

/** What a write did to one entity. */
export interface EntityChange {
  readonly plural: string;
  readonly id: string;
  /** As it is now; undefined when it is gone. */
  readonly entity: SnapshotEntity | undefined;
}

/** Some entities of one kind. */
export interface EntityPiece {
  readonly plural: string;
  readonly list: readonly SnapshotEntity[];
}

/** What the publisher of snapshots needs of the store. */
export interface ConfigReader {
  /** A counter that grows with every committed change of an entity. */
  revision(): number;
  /**
   * All entities, disabled ones too, a piece at a time, each read when it is asked for. What is written between two
   * pieces may be in them or not: the one who pauses must make up for it by what `onChange` tells meanwhile.
   */
  readPieces(): Iterable<EntityPiece>;
  /**
   * Called after each committed change, in order of revisions, with all that it changed, in order; without `changes`
   * everything may have changed. Returns the function that ends it.
   */
  onChange(listener: (revision: number, changes?: readonly EntityChange[]) => void): () => void;
}
