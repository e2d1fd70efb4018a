import type { Logger } from '../../shared/log.ts';

/** A database that is older than what a node has run: a restored backup, or a copy without its write-ahead log. */
export interface WentBack {
  readonly atMs: number;
  /** The node that ran the newest revision. */
  readonly nodeId: string;
  readonly nodeRevision: number;
  readonly revision: number;
}

export interface WentBackWatchOptions {
  /** The identity of the present database; undefined when it has none. */
  readonly databaseId: string | undefined;
  /** Returns the newest revision; -1 until it is known. */
  readonly revision: () => number;
  readonly logger: Logger;
}

/** Notices that nodes ran newer revisions of this same database than it holds now. */
export class WentBackWatch {
  readonly #options: WentBackWatchOptions;
  /** The newest revision that a node told before ours was known. */
  #early: { readonly nodeId: string; readonly nodeRevision: number } | undefined;
  #found: WentBack | undefined;

  constructor(options: WentBackWatchOptions) {
    this.#options = options;
  }

  /** The newest case since the start; undefined when there was none. */
  get found(): WentBack | undefined {
    return this.#found;
  }

  /** Compares the revision in a node's hello with ours. */
  see({ nodeId, databaseId, revision: nodeRevision }: { nodeId: string; databaseId: string; revision: number }): void {
    if (databaseId === '' || databaseId !== this.#options.databaseId) return;
    const revision = this.#options.revision();
    if (revision >= 0) this.#compare({ nodeId, nodeRevision }, revision);
    else if (nodeRevision > (this.#early?.nodeRevision ?? -1)) this.#early = { nodeId, nodeRevision };
  }

  /** Compares what nodes told before our revision was known. */
  revisionKnown(): void {
    const revision = this.#options.revision();
    if (this.#early === undefined || revision < 0) return;
    this.#compare(this.#early, revision);
    this.#early = undefined;
  }

  #compare({ nodeId, nodeRevision }: { nodeId: string; nodeRevision: number }, revision: number): void {
    if (nodeRevision <= revision || nodeRevision <= (this.#found?.nodeRevision ?? -1)) return;
    this.#found = { atMs: Date.now(), nodeId, nodeRevision, revision };
    this.#options.logger.warn(
      'database_went_back',
      'A node has run a newer revision than the database holds; was a backup restored? The nodes follow the database',
      { node_id: nodeId, node_revision: nodeRevision, revision },
    );
  }
}
