import { type Entry, EntryQueue } from './entry.ts';

/** The records of a topic that no lane has yet. */
export class UnassignedRecords {
  /** Records without a key: the next free lane takes them, so that a slow leader only holds up what it has. */
  readonly keyless = new EntryQueue();
  /** Keyed records, and those with a partition of their own, from before the number of partitions was known. */
  readonly unrouted = new EntryQueue();

  get isEmpty(): boolean {
    return this.keyless.length === 0 && this.unrouted.length === 0;
  }

  get earliestDeadlineMs(): number {
    return Math.min(this.keyless.earliestDeadlineMs, this.unrouted.earliestDeadlineMs);
  }

  get oldestQueuedAtMs(): number {
    return Math.min(this.keyless.first?.queuedAtMs ?? Infinity, this.unrouted.first?.queuedAtMs ?? Infinity);
  }

  /** Removes the records whose deadline has come and hands those of each queue to `take`. */
  expire(nowMs: number, take: (due: readonly Entry[]) => void): void {
    for (const queue of [this.keyless, this.unrouted]) {
      const due = queue.takeDue(nowMs);
      if (due.length > 0) take(due);
    }
  }

  /** Removes all records and hands those of each queue to `take`. */
  takeAll(take: (entries: readonly Entry[]) => void): void {
    for (const queue of [this.keyless, this.unrouted]) {
      const entries = queue.takeAll();
      if (entries.length > 0) take(entries);
    }
  }
}
