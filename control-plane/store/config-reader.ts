import type { SnapshotEntities } from '../../shared/snapshot.ts';

/** What the publisher of snapshots needs of the store. */
export interface ConfigReader {
  /** A counter that grows with every committed change of an entity. */
  revision(): number;
  /** All entities, disabled ones too, with the revision that they belong to; one read transaction. */
  readAll(): { readonly revision: number; readonly entities: SnapshotEntities };
  /** Called after each committed change, in order. Returns the function that ends it. */
  onChange(listener: (revision: number) => void): () => void;
}
