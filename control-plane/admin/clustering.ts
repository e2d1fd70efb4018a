/** A data plane as `GET /clustering/data-planes` answers it; Kong's fields and ours. `id` is the node's UUID. */
export type DataPlaneView = Readonly<Record<string, unknown>> & { readonly id: string };

/** What the Admin API tells of data planes; implemented beside the config sync. */
export interface Clustering {
  /** Every known node, connected or not, in order of id. */
  listDataPlanes(): readonly DataPlaneView[];
  getDataPlane(id: string): DataPlaneView | undefined;
  /** Body of `GET /clustering/status`: expected hash, counts by state, slowest node. */
  status(): Readonly<Record<string, unknown>>;
}

/** Lets a write wait until the nodes run it (`?wait=applied&timeout=5s`). */
export interface SyncGate {
  /**
   * Waits until every connected compatible node runs the revision or a newer one, until one rejects it, or until the
   * timeout. Resolves with the text of the header `Sluice-Sync`, such as `applied; nodes=3`; never rejects.
   */
  waitApplied(revision: number, timeoutMs: number): Promise<string>;
}
