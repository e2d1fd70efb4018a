import type { SnapshotEntities, SnapshotEntity } from '../../shared/snapshot.ts';

/** What a write did to one entity. */
export interface EntityChange {
  readonly plural: string;
  readonly id: string;
  /** As it is now; undefined when it is gone. */
  readonly entity: SnapshotEntity | undefined;
}

/** What the publisher of snapshots needs of the store. */
export interface ConfigReader {
  /** A counter that grows with every committed change of an entity. */
  revision(): number;
  /** All entities, disabled ones too, with the revision that they belong to; one read transaction. */
  readAll(): { readonly revision: number; readonly entities: SnapshotEntities };
  /**
   * Called after each committed change, in order of revisions, with all that it changed, in order; without `changes`
   * everything may have changed. Returns the function that ends it.
   */
  onChange(listener: (revision: number, changes?: readonly EntityChange[]) => void): () => void;
}
