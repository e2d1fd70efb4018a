import type { Snapshot } from './snapshot.ts';

/** A fault of one entity that keeps a snapshot from being applied. Holds no secret. */
export interface EntityFault {
  /** Singular: `plugin`. */
  readonly entityType: string;
  readonly entityId: string;
  /** Name, instance name or username, where there is one. */
  readonly entityName: string;
  /** Dotted path of the field: `config.topic`; '' for the entity itself. */
  readonly path: string;
  readonly message: string;
}

/** The message of the fault with which a node refuses the configuration of another database than it follows. */
export const databaseDiffers = 'database identity differs';

/** Tells whether the fault says that the node follows another database. */
export function isDatabaseFault({ entityType, message }: EntityFault): boolean {
  return entityType === 'snapshot' && message === databaseDiffers;
}

/** Faults of one refused version that a node tells and a control plane keeps. */
export const toldFaultsMax = 1_000;

export type ApplyResult =
  | { readonly kind: 'applied'; readonly applyMs: number }
  | { readonly kind: 'rejected'; readonly faults: readonly EntityFault[] };

export interface ApplyOptions {
  /** Everything is built and closed again; what runs stays. */
  readonly dryRun?: boolean;
  /** Is asked once all is built: false drops it, and what runs stays. */
  readonly confirm?: () => Promise<boolean>;
}

/** Builds a runtime from the snapshot and swaps it in, or keeps the running one and says every reason. Never rejects. */
export type Apply = (snapshot: Snapshot, options?: ApplyOptions) => Promise<ApplyResult>;

/** Where a node's configuration comes from: the stream of a control plane, a file, or the same process. */
export interface ConfigSource {
  /** Resolves once the source is working (not: once it has delivered). Calls `apply` one snapshot at a time, newest only. */
  start(apply: Apply): Promise<void>;
  stop(): Promise<void>;
}
