import type { KafkaRecord } from './kafka-client.ts';
import type { Verdict } from './producer-types.ts';
import type { RecordPrefix } from './record-prefix.ts';

/** One record on its way through a producer. */
export class Entry {
  readonly record: KafkaRecord;
  readonly bytes: number;
  /** Monotonic. */
  readonly deadlineMs: number;
  readonly queuedAtMs: number;
  /** Null: the only record of its request for its topic. */
  readonly prefix: RecordPrefix | null;
  /** The position among the records of its request. */
  readonly position: number;
  /** Called once with the result of the record; null afterwards. */
  settle: ((verdict: Verdict, entry: Entry) => void) | null;
  /** An attempt reached the wire and brought no verdict: the outcome can only become acked or unknown. */
  mayBeWritten = false;
  /** -1 until it is chosen: by the key, or by the lane that takes the record. */
  partition = -1;

  constructor(options: {
    record: KafkaRecord;
    bytes: number;
    deadlineMs: number;
    queuedAtMs: number;
    settle: (verdict: Verdict, entry: Entry) => void;
    prefix?: RecordPrefix | null;
    position?: number;
  }) {
    this.record = options.record;
    this.bytes = options.bytes;
    this.deadlineMs = options.deadlineMs;
    this.queuedAtMs = options.queuedAtMs;
    this.settle = options.settle;
    this.prefix = options.prefix ?? null;
    this.position = options.position ?? 0;
  }
}

/** A first-in, first-out queue. It knows a lower bound of its entries' deadlines, so that healthy queues are never searched. */
export class EntryQueue {
  #items: Entry[] = [];
  #head = 0;
  #earliestDeadlineMs = Infinity;

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** No entry's deadline is before this. */
  get earliestDeadlineMs(): number {
    return this.#earliestDeadlineMs;
  }

  get first(): Entry | undefined {
    return this.#items[this.#head];
  }

  push(entry: Entry): void {
    this.#items.push(entry);
    if (entry.deadlineMs < this.#earliestDeadlineMs) this.#earliestDeadlineMs = entry.deadlineMs;
  }

  /** Takes entries from the front within both limits, but at least one. */
  take(recordsMax: number, bytesMax: number): Entry[] {
    const start = this.#head;
    let end = start;
    let bytes = 0;
    while (end < this.#items.length && end - start < recordsMax) {
      bytes += this.#items[end]?.bytes ?? 0;
      if (bytes > bytesMax && end > start) break;
      end++;
    }
    const taken = this.#items.slice(start, end);
    this.#head = end;
    if (this.#head === this.#items.length) this.#reset([]);
    else if (this.#head > 1024 && this.#head * 2 > this.#items.length) this.#reset(this.#items.slice(this.#head));
    return taken;
  }

  /** Says whether a take within these limits would be full. */
  isFull(recordsMax: number, bytesMax: number): boolean {
    if (this.length >= recordsMax) return true;
    let bytes = 0;
    for (let index = this.#head; index < this.#items.length; index++) bytes += this.#items[index]?.bytes ?? 0;
    return bytes >= bytesMax;
  }

  /** Takes out the entries that are due. */
  takeDue(nowMs: number): Entry[] {
    if (nowMs < this.#earliestDeadlineMs) return [];
    const due: Entry[] = [];
    const rest: Entry[] = [];
    for (let index = this.#head; index < this.#items.length; index++) {
      const entry = this.#items[index];
      if (entry !== undefined) (entry.deadlineMs <= nowMs ? due : rest).push(entry);
    }
    this.#reset(rest);
    return due;
  }

  takeAll(): Entry[] {
    const all = this.#head === 0 ? this.#items : this.#items.slice(this.#head);
    this.#reset([]);
    return all;
  }

  #reset(items: Entry[]): void {
    this.#items = items;
    this.#head = 0;
    this.#earliestDeadlineMs = Infinity;
    for (const { deadlineMs } of items) {
      if (deadlineMs < this.#earliestDeadlineMs) this.#earliestDeadlineMs = deadlineMs;
    }
  }
}
