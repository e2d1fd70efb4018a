import { databaseDiffers } from '../../shared/config-source.ts';
import type { Logger } from '../../shared/log.ts';
import type { DatabaseMark } from './snapshot-cache.ts';

export interface FollowedDatabaseOptions {
  /** The node takes the configuration of any database. */
  readonly adoptAll: boolean;
  readonly logger: Logger;
}

/**
 * The database whose configuration a node runs. A node follows the first one that it meets, and another one only with
 * consent, so that an empty or wrong database does not take the configuration away from a fleet.
 */
export class FollowedDatabase {
  readonly #options: FollowedDatabaseOptions;
  #mark: DatabaseMark | undefined;

  constructor(options: FollowedDatabaseOptions) {
    this.#options = options;
  }

  /** Undefined until the node follows a database. */
  get mark(): DatabaseMark | undefined {
    return this.#mark;
  }

  /** Takes what the cache says. */
  loaded(mark: DatabaseMark | undefined): void {
    this.#mark = mark;
  }

  /** Follows the database if the node follows none yet. Returns whether that is new. */
  meet(databaseId: string): boolean {
    if (databaseId === '' || this.#mark !== undefined) return false;
    this.#mark = { id: databaseId, revision: 0 };
    return true;
  }

  /** Says why a snapshot of that database must not be applied; undefined when it may. */
  refusal({ databaseId, adopt }: { readonly databaseId: string; readonly adopt: boolean }): string | undefined {
    const isOther = databaseId !== '' && this.#mark !== undefined && this.#mark.id !== databaseId;
    return isOther && !adopt && !this.#options.adoptAll ? databaseDiffers : undefined;
  }

  /** Notes that a snapshot was applied. */
  applied({ databaseId, revision }: { readonly databaseId: string; readonly revision: number }): void {
    if (databaseId === '') return;
    const before = this.#mark;
    this.#mark = { id: databaseId, revision };
    if (before === undefined) return;
    const fields = { database_id: databaseId, revision, revision_before: before.revision };
    const { logger } = this.#options;
    if (before.id !== databaseId)
      logger.warn('database_adopted', 'The node follows another database now', { ...fields, id_before: before.id });
    else if (revision < before.revision)
      logger.warn('database_went_back', 'The database is older than before; was a backup restored?', fields);
  }
}
