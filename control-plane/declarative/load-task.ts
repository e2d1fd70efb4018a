import type { ChangeSummary } from '../../shared/declarative/change-summary.ts';
import type { DocumentErrors } from '../../shared/declarative/document-errors.ts';

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
  readonly expectedRevision?: number;
}

/** What it tells, the last one being its result. */
export type LoadMessage =
  /**
   * It is about to take the database's lock, once it is told to go on, and can no longer be ended without knowing what
   * became of it.
   */
  | { readonly kind: 'committing' }
  | { readonly kind: 'loaded'; readonly summary: ChangeSummary; readonly revision: number }
  | { readonly kind: 'changed' }
  | { readonly kind: 'faults'; readonly errors: DocumentErrors };
