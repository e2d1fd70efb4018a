import type { ChangeSummary } from '../../shared/declarative/change-summary.ts';
import type { DocumentErrors } from '../../shared/declarative/document-errors.ts';
import type { SnapshotEntities } from '../../shared/snapshot.ts';

/** The whole configuration at once, as `/config` reads and replaces it; implemented beside what holds it. */
export interface DeclarativeConfig {
  read(): WholeConfig;
  /** Of what `read` would give. */
  etag(): string;
  /** Resolves when no load holds up other writes: they wait here, so that the calls behind them do not. */
  writable(): Promise<void>;
  /** Replaces everything or nothing. One at a time: `busy` while another load runs. */
  load(request: LoadRequest): Promise<LoadResult>;
}

export interface WholeConfig {
  /** Disabled ones too. */
  readonly entities: SnapshotEntities;
  /** Another one after each change. */
  readonly etag: string;
}

export interface LoadRequest {
  /** The document; the bytes are handed over and may not be used afterwards. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The bytes are JSON, not YAML. */
  readonly json: boolean;
  /** Everything is checked, nothing is changed. */
  readonly dryRun: boolean;
  /** The configuration that is to be replaced; another one is left as it is. */
  readonly expectedEtag?: string;
}

export type LoadResult =
  | {
      readonly kind: 'loaded';
      readonly summary: ChangeSummary;
      /** Of the configuration after the load; of a dry run, of the one that was compared with. */
      readonly etag: string;
      readonly revision: number;
    }
  | { readonly kind: 'faults'; readonly errors: DocumentErrors }
  /** It is not the expected configuration that would be replaced. */
  | { readonly kind: 'changed' }
  | { readonly kind: 'busy' };
