import type { ChangeSummary } from '../../shared/declarative/change-summary.ts';
import type { DocumentErrors } from '../../shared/declarative/document-errors.ts';
import type { SnapshotEntities } from '../../shared/snapshot.ts';

/** The whole configuration at once, as `/config` reads and replaces it. */
export interface DeclarativeConfig {
  read(): WholeConfig;
  /** Returns the tag of the configuration that `read` would give. */
  etag(): string;
  /** Resolves when no load holds the database: writes wait here, so that other calls do not wait for them. */
  writable(): Promise<void>;
  /** Replaces everything or nothing. One load runs at a time; `busy` says that another does. */
  load(request: LoadRequest): Promise<LoadResult>;
}

export interface WholeConfig {
  /** Disabled ones too. */
  readonly entities: SnapshotEntities;
  /** A tag that differs after each change. */
  readonly etag: string;
}

export interface LoadRequest {
  /** The document; the bytes are handed over and may not be used afterwards. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The bytes are JSON, not YAML. */
  readonly json: boolean;
  /** Checks everything and changes nothing. */
  readonly dryRun: boolean;
  /** The tag of the configuration that is to be replaced; another one is left as it is. */
  readonly expectedEtag?: string;
}

export type LoadResult =
  | {
      readonly kind: 'loaded';
      readonly summary: ChangeSummary;
      /** The tag of the configuration after the load; for a dry run, of the one that was compared. */
      readonly etag: string;
      readonly revision: number;
    }
  | { readonly kind: 'faults'; readonly errors: DocumentErrors }
  /** The configuration is not the expected one. */
  | { readonly kind: 'changed' }
  | { readonly kind: 'busy' };
