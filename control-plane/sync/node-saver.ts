import type { Logger } from '../../shared/log.ts';
import type { NodeStore } from '../store/node-store.ts';
import type { WriteHold } from '../store/write-hold.ts';
import type { NodeEntry } from './node-entry.ts';

export interface NodeSaverOptions {
  readonly store: NodeStore;
  readonly hold?: WriteHold | undefined;
  readonly logger: Logger;
}

const saveMs = 1_000;

/** Saves node records at most once a second. Nodes are served while the store fails. */
export class NodeSaver {
  readonly #options: NodeSaverOptions;
  readonly #dirty = new Set<NodeEntry>();
  /** The entries of which only the time last seen is new. */
  readonly #seen = new Set<NodeEntry>();
  #timer: NodeJS.Timeout | undefined;
  #fault: string | undefined;

  constructor(options: NodeSaverOptions) {
    this.#options = options;
  }

  /** Says why the last write failed; undefined when it did not. */
  get fault(): string | undefined {
    return this.#fault;
  }

  saveSoon(entry: NodeEntry): void {
    this.#dirty.add(entry);
    this.#timer ??= setTimeout(() => this.#due(), saveMs);
  }

  /** Saves only when the node was last seen. */
  touchSoon(entry: NodeEntry): void {
    this.#seen.add(entry);
    this.#timer ??= setTimeout(() => this.#due(), saveMs);
  }

  /** Drops the entry because another one replaced it. */
  forget(entry: NodeEntry): void {
    this.#dirty.delete(entry);
    this.#seen.delete(entry);
  }

  /** Removes the rows. Returns false when the store fails. */
  remove(entries: readonly NodeEntry[]): boolean {
    try {
      this.#options.store.removeAll(entries.map(({ record }) => record.id));
    } catch (error) {
      this.#failed(error);
      return false;
    }
    for (const entry of entries) this.forget(entry);
    return true;
  }

  /** Saves what is not in the store yet. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#save();
  }

  #due(): void {
    this.#timer = undefined;
    if (this.#options.hold?.isHeld === true) this.#timer = setTimeout(() => this.#due(), saveMs);
    else this.#save();
  }

  #save(): void {
    const { store } = this.#options;
    for (const entry of this.#dirty) this.#seen.delete(entry);
    try {
      if (this.#dirty.size > 0) store.saveAll([...this.#dirty].map(({ record }) => record));
      this.#dirty.clear();
      if (this.#seen.size > 0) store.touchAll([...this.#seen].map(({ record }) => record));
      this.#seen.clear();
      this.#fault = undefined;
    } catch (error) {
      // The entries stay dirty, so that the next save writes them too.
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#fault = error instanceof Error ? error.message : String(error);
    this.#options.logger.error('nodes_not_saved', 'The records of the nodes could not be saved', {
      error: this.#fault,
    });
  }
}
