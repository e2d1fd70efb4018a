import type { ChangeSummary } from '../../shared/declarative/change-summary.ts';
import type { DocumentFaults } from '../../shared/declarative/document-thread.ts';

/** What a load's thread is given. */
export interface LoadTask {
  /** File of the database. */
  readonly database: string;
  /** Lines of the keyring that the database's secrets are under; undefined: they are in the clear. */
  readonly keyring: readonly string[] | undefined;
  /** Who asks for it. */
  readonly actor: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly json: boolean;
  readonly dryRun: boolean;
  /** The key of masks, which a dry run may hold instead of secrets. */
  readonly maskKey: Uint8Array;
  readonly expectedRevision?: number;
}

/** What becomes of a load. */
export type LoadOutcome =
  | { readonly kind: 'loaded'; readonly summary: ChangeSummary; readonly revision: number; readonly version: string }
  | { readonly kind: 'changed' }
  | DocumentFaults;

/**
 * What the thread tells: that it is about to take the database's lock, once it is told to go on, and can no longer be
 * ended without knowing what became of it; that it needs the lock no more; and the outcome.
 */
export type LoadMessage = LoadOutcome | { readonly kind: 'committing' | 'committed' };

/** What the main thread answers to `committing`: it writes nothing more until the outcome. */
export interface Meanwhile {
  /** The newest. */
  readonly revision: number;
  /** Where other writes have changed something since the load began; undefined: they did not say. */
  readonly changed: readonly Place[] | undefined;
}

export interface Place {
  readonly plural: string;
  readonly id: string;
}
