import type { ChangeSummary } from '../../shared/declarative/change-summary.ts';
import type { DocumentFaults } from '../../shared/declarative/document-thread.ts';

/** The task of a load's thread. */
export interface LoadTask {
  /** File of the database. */
  readonly database: string;
  /** Lines of the keyring that the database's secrets are under; undefined: they are in the clear. */
  readonly keyring: readonly string[] | undefined;
  /** The name of the caller. */
  readonly actor: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly json: boolean;
  readonly dryRun: boolean;
  /** The key of masks, which a dry run may hold instead of secrets. */
  readonly maskKey: Uint8Array;
  readonly expectedRevision?: number;
}

/** The outcome of a load. */
export type LoadOutcome =
  | { readonly kind: 'loaded'; readonly summary: ChangeSummary; readonly revision: number; readonly version: string }
  | { readonly kind: 'changed' }
  | DocumentFaults;

/**
 * A message of the thread: `committing` asks for leave to take the database's lock, after which the thread cannot be ended
 * without doubt about the outcome; `committed` says that it has let the lock go; then comes the outcome.
 */
export type LoadMessage = LoadOutcome | { readonly kind: 'committing' | 'committed' };

/** The main thread's answer to `committing`, after which it writes nothing until the outcome. */
export interface Meanwhile {
  /** The newest revision. */
  readonly revision: number;
  /** The entities that other writes changed since the load began; undefined: they are not known. */
  readonly changed: readonly Place[] | undefined;
}

export interface Place {
  readonly plural: string;
  readonly id: string;
}
