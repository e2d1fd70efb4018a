import { turns } from '../../shared/turns.ts';
import { Entry } from './entry.ts';
import { GroupVerdicts } from './group-verdicts.ts';
import { nodeOverloaded, predecessorFailed, shuttingDown, type Failure } from './produce-failure.ts';
import type { FailedVerdict, GroupRecord, ProducerLimits, Verdict } from './producer-types.ts';
import type { QueueBounds } from './queue-bounds.ts';
import { RecordPrefix } from './record-prefix.ts';
import type { RecordSettler } from './record-settler.ts';
import { TopicLimit } from './topic-limit.ts';
import { TopicState } from './topic-state.ts';
import type { Topics } from './topics.ts';

export interface GroupPublisherDeps {
  readonly topics: Pick<Topics, 'obtain' | 'markDirty'>;
  readonly queued: QueueBounds;
  readonly settler: RecordSettler;
  readonly limits: () => ProducerLimits;
  /** Makes room in the node's memory where other processes share it. Resolves whether it is there. Never rejects. */
  readonly more: (bytes: number) => Promise<boolean>;
  /** Returns why the producer takes no records at all; null when it does. */
  readonly refusal: () => Failure | null;
  /** Says that waiting records have been given up: none may be queued any more. */
  readonly isClosed: () => boolean;
  readonly labelOf: (topic: string) => string;
  /** Answers leave this much before the deadline. */
  readonly answerMarginMs: number;
  readonly wakeAt: (monotonicMs: number) => void;
}

type Settle = (verdict: Verdict, entry: Entry) => void;

/** Queues the records of one request: all of them or none. */
export class GroupPublisher {
  readonly #deps: GroupPublisherDeps;

  constructor(deps: GroupPublisherDeps) {
    this.#deps = deps;
  }

  /** Resolves with the verdicts on all records, or with why none was taken. `deadlineMs`: of the verdicts. */
  async publish(records: readonly GroupRecord[], deadlineMs: number): Promise<GroupVerdicts | FailedVerdict> {
    const refused = await this.#admit(records, deadlineMs);
    if (refused !== null) return refused;
    const verdicts = new GroupVerdicts(records.length);
    await this.#queueAll(records, deadlineMs, verdicts.settle);
    await verdicts.all;
    return verdicts;
  }

  /** Resolves once all records are queued: null, or why none was taken. */
  async enqueue(records: readonly GroupRecord[], deadlineMs: number): Promise<FailedVerdict | null> {
    const refused = await this.#admit(records, deadlineMs);
    if (refused === null) await this.#queueAll(records, deadlineMs, this.#deps.settler.settleAsync);
    return refused;
  }

  /** Reserves room for the records, some of which other processes of the node may have to give back first. */
  async #admit(records: readonly GroupRecord[], deadlineMs: number): Promise<FailedVerdict | null> {
    const { more } = this.#deps;
    let bytes = 0;
    for (const record of records) bytes += record.bytes;
    let failure = this.#reserve(records, bytes);
    // What was made room for, another request may have taken.
    while (failure === nodeOverloaded && performance.now() < deadlineMs && (await more(bytes))) {
      failure = this.#reserve(records, bytes);
    }
    if (failure !== null) return this.#refuse(records, records[0]?.topic ?? '', failure);
    const topic = this.#refusedTopic(records);
    if (topic === null) return null;
    this.#deps.queued.addAll(-records.length, -bytes);
    return this.#refuse(records, topic.name, topic.failure);
  }

  /** Reserves room. @returns why there is none */
  #reserve(records: readonly GroupRecord[], bytes: number): Failure | null {
    const { queued, limits, refusal } = this.#deps;
    const failure = refusal() ?? queued.refusalOfAll(limits(), records.length, bytes);
    if (failure === null) queued.addAll(records.length, bytes);
    return failure;
  }

  /** Returns the first topic that takes no records. */
  #refusedTopic(records: readonly GroupRecord[]): { readonly name: string; readonly failure: Failure } | null {
    const nowMs = performance.now();
    let last: string | undefined;
    for (const { topic: name } of records) {
      if (name === last) continue;
      last = name;
      const topic = this.#deps.topics.obtain(name, nowMs);
      if (!(topic instanceof TopicState)) return { name, failure: topic };
    }
    return null;
  }

  /** Counts all records as not taken. */
  #refuse(records: readonly GroupRecord[], topic: string, failure: Failure): FailedVerdict {
    const { settler, labelOf } = this.#deps;
    return settler.refused(topic, labelOf(topic), failure, records.length);
  }

  /** Queues records that are admitted, in turns with other work. */
  async #queueAll(records: readonly GroupRecord[], deadlineMs: number, settle: Settle): Promise<void> {
    const prefixes = new Map<string, RecordPrefix>();
    for (let position = 0; position < records.length;) {
      position = this.#queueSome(records, position, { deadlineMs, settle, prefixes });
      if (position < records.length) await turns.next();
    }
  }

  /** Queues the records from a position on while the turn lasts. @returns the position of the next record */
  #queueSome(
    records: readonly GroupRecord[],
    from: number,
    { deadlineMs, settle, prefixes }: { deadlineMs: number; settle: Settle; prefixes: Map<string, RecordPrefix> },
  ): number {
    const { topics, wakeAt, isClosed, answerMarginMs } = this.#deps;
    const dueMs = deadlineMs - answerMarginMs;
    const queuedAtMs = performance.now();
    // A topic may have been refused, or forgotten, in another turn.
    const touched = new Set<TopicState>();
    let name: string | undefined;
    let topic: TopicState | Failure = shuttingDown;
    let prefix = new RecordPrefix();
    let position = from;
    for (; position < records.length; position++) {
      if (position % recordsALook === 0 && position > from && turns.isOver()) break;
      const next = records[position];
      if (next === undefined) break;
      if (next.topic !== name) {
        name = next.topic;
        topic = isClosed() ? shuttingDown : topics.obtain(name, queuedAtMs);
        prefix = prefixes.get(name) ?? new RecordPrefix();
        prefixes.set(name, prefix);
        if (topic instanceof TopicState) touched.add(topic);
      }
      const { record, bytes } = next;
      const entry = new Entry({ record, bytes, deadlineMs: dueMs, queuedAtMs, settle, prefix, position });
      if (!(topic instanceof TopicState)) this.#fail(name, entry, topic);
      // No partition is known to be meant: whatever it is, a record before may have been for it.
      else if (prefix.isBroken(-1)) this.#fail(name, entry, predecessorFailed);
      else topic.add(entry);
    }
    for (const each of touched) topics.markDirty(each);
    wakeAt(dueMs);
    return position;
  }

  /** Settles a record that was admitted and cannot be queued any more. */
  #fail(name: string, entry: Entry, failure: Failure): void {
    const { settler, labelOf } = this.#deps;
    settler.failed({ name, label: labelOf(name), limit: new TopicLimit() }, [entry], failure);
  }
}

/** Records between two looks at the clock. */
const recordsALook = 64;
