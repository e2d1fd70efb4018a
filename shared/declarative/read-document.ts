import type { SnapshotEntities } from '../snapshot.ts';
import type { ChangeSummary } from './change-summary.ts';
import { runDocumentThread, type DocumentFaults } from './document-thread.ts';

/** A configuration that comes from a document, not from a database. */
export interface DocumentConfig {
  /** The hash of the snapshot of all enabled entities, which `body` holds, packed as it travels. */
  readonly hash: string;
  readonly body: Uint8Array;
  /** Entities that are disabled, or that depend on a disabled one. */
  readonly disabled: SnapshotEntities;
  /** The ETag of the whole configuration. */
  readonly etag: string;
}

export interface ReadTask {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The bytes are JSON, not YAML. */
  readonly json: boolean;
  /** The running configuration: random words that the document leaves out stay, and the summary tells the difference. */
  readonly previous?: DocumentConfig;
  /** The key of the masks that may stand for secrets of `previous`, where the document is only compared. */
  readonly maskKey?: Uint8Array;
}

export type ReadOutcome =
  { readonly kind: 'read'; readonly config: DocumentConfig; readonly summary: ChangeSummary } | DocumentFaults;

/**
 * Reads, checks and packs a document, in a thread of its own. The same document always gives the same hash, unless it
 * leaves random words to Sluice: times that it does not give are 0. The bytes are handed over.
 */
export function readDocument(task: ReadTask): Promise<ReadOutcome> {
  return runDocumentThread<ReadOutcome>({ file: new URL('read-worker.js', import.meta.url), task });
}
