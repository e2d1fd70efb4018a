import type { Logger } from '../../shared/log.ts';
import type { NodeStore } from '../store/node-store.ts';
import type { WriteHold } from '../store/write-hold.ts';
import { newEntry, type NodeEntry } from './node-entry.ts';
import { NodeSaver } from './node-saver.ts';

export interface NodeRowsOptions {
  readonly store: NodeStore;
  /** Says when the store must not be written to. */
  readonly hold?: WriteHold | undefined;
  /** Nodes that were not seen for this long are removed. */
  readonly nodePurgeAfterMs: number;
  /** How many rows of nodes are kept. */
  readonly nodesMax: number;
  readonly logger: Logger;
}

const purgeIntervalMsMax = 60 * 60 * 1_000;
const purgeIntervalMsMin = 1_000;

/** The rows of all known nodes: in memory, and written to the store at most once a second. */
export class NodeRows {
  readonly #options: NodeRowsOptions;
  readonly #rows = new Map<string, NodeEntry>();
  readonly #saver: NodeSaver;
  readonly #purgeTimer: NodeJS.Timeout;

  constructor(options: NodeRowsOptions) {
    this.#options = options;
    this.#saver = new NodeSaver(options);
    for (const record of options.store.loadAll()) this.#rows.set(record.id, newEntry(record));
    this.#purge();
    const purgeIntervalMs = Math.min(Math.max(options.nodePurgeAfterMs / 10, purgeIntervalMsMin), purgeIntervalMsMax);
    this.#purgeTimer = setInterval(() => this.#purge(), purgeIntervalMs);
  }

  /** Says why the rows cannot be written; undefined when they can. */
  get fault(): string | undefined {
    return this.#saver.fault;
  }

  get(id: string): NodeEntry | undefined {
    return this.#rows.get(id);
  }

  get size(): number {
    return this.#rows.size;
  }

  all(): Iterable<NodeEntry> {
    return this.#rows.values();
  }

  /** Sets the row of a node. Another entry with its id is dropped. */
  set(entry: NodeEntry): void {
    const { id } = entry.record;
    const before = this.#rows.get(id);
    if (before !== undefined) this.#saver.forget(before);
    this.#rows.set(id, entry);
  }

  saveSoon(entry: NodeEntry): void {
    this.#saver.saveSoon(entry);
  }

  /** Saves only when the node was last seen. */
  touchSoon(entry: NodeEntry): void {
    this.#saver.touchSoon(entry);
  }

  /** Tells whether there is a row for one more node; an offline node that never ran a configuration makes room. */
  hasRoom(): boolean {
    return this.#rows.size < this.#options.nodesMax || this.#evict();
  }

  /** Returns false when the store fails; nothing is removed then. */
  remove(entries: readonly NodeEntry[]): boolean {
    if (!this.#saver.remove(entries)) return false;
    for (const { record } of entries) this.#rows.delete(record.id);
    return true;
  }

  /** Saves what is not in the store yet and ends the timers. */
  stop(): void {
    clearInterval(this.#purgeTimer);
    this.#saver.stop();
  }

  /** Removes the node that has been offline for longest of those that never ran a configuration. */
  #evict(): boolean {
    let oldest: NodeEntry | undefined;
    for (const entry of this.#rows.values()) {
      if (entry.session !== undefined || entry.record.appliedHash !== null) continue;
      if (oldest === undefined || entry.record.lastSeenMs < oldest.record.lastSeenMs) oldest = entry;
    }
    return oldest !== undefined && this.remove([oldest]);
  }

  #purge(): void {
    const oldestMs = Date.now() - this.#options.nodePurgeAfterMs;
    const unseen = [...this.#rows.values()].filter(
      ({ session, record }) => session === undefined && record.lastSeenMs < oldestMs,
    );
    // A row that could not be removed is tried again at the next purge.
    if (unseen.length === 0 || !this.remove(unseen)) return;
    this.#options.logger.info('nodes_purged', 'Nodes that were not seen for node_purge_after were removed', {
      node_ids: unseen.map(({ record }) => record.id),
    });
  }
}
