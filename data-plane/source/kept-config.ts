import { isDatabaseFault, type EntityFault } from '../../shared/config-source.ts';
import { packSnapshot, type WireSnapshot } from '../../shared/snapshot-wire.ts';
import type { CacheWriter } from './cache-writer.ts';
import type { FollowedDatabase } from './followed-database.ts';
import type { DatabaseMark, SnapshotCache } from './snapshot-cache.ts';
import type { ReceivedSnapshot } from './snapshot-receiver.ts';

export interface KeptConfigOptions {
  readonly cache: SnapshotCache;
  readonly database: FollowedDatabase;
  readonly writer: CacheWriter;
}

/** The running configuration as it is kept on disk, together with the database that it belongs to. */
export class KeptConfig {
  readonly #options: KeptConfigOptions;

  constructor(options: KeptConfigOptions) {
    this.#options = options;
  }

  /** The database that the node follows; undefined while it follows none. */
  get database(): DatabaseMark | undefined {
    return this.#options.database.mark;
  }

  /** Says why the running configuration is not on disk; undefined when it is. */
  get fault(): string | undefined {
    return this.#options.writer.fault;
  }

  /** Loads what a process before this one has kept. */
  async load(): Promise<WireSnapshot | undefined> {
    const { cache, database } = this.#options;
    const cached = await cache.load();
    database.loaded(cached?.database);
    return cached?.wire;
  }

  /** Says why a snapshot of that database must not be applied; undefined when it may. */
  refusal(start: { readonly databaseId: string; readonly adopt: boolean }): string | undefined {
    return this.#options.database.refusal(start);
  }

  /** Keeps a snapshot that was applied. */
  async applied(received: ReceivedSnapshot, body: () => Promise<Uint8Array>): Promise<void> {
    this.#options.database.applied(received);
    await this.#save(received.hash, body);
  }

  /** A node that follows no database yet follows the first that it meets, also when it gets no snapshot from it. */
  meet(databaseId: string, running: WireSnapshot): void {
    // The writer logs a failure and tries again.
    if (this.#options.database.meet(databaseId)) void this.#save(running.snapshot.hash, () => packSnapshot(running));
  }

  /** Takes the database of a snapshot whose content the node runs already. */
  async runsAlready(received: ReceivedSnapshot, running: WireSnapshot): Promise<void> {
    const { databaseId, revision } = received;
    const mark = this.database;
    if (databaseId === '' || (mark?.id === databaseId && mark.revision === revision)) return;
    await this.applied(received, () => packSnapshot(running));
  }

  /** Tells whether faults stand when that database is met: its own database gives a node no reason to reject. */
  stands(faults: readonly EntityFault[], databaseId: string): boolean {
    return this.database?.id !== databaseId || !faults.some(isDatabaseFault);
  }

  /** Ends the retries and waits for the write that is under way. */
  stop(): Promise<void> {
    return this.#options.writer.stop();
  }

  #save(hash: string, body: () => Promise<Uint8Array>): Promise<void> {
    return this.#options.writer.save({ hash, database: this.database, body });
  }
}
