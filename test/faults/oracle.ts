import { readTopic } from '../helpers/kafka.ts';

/** The answer to one numbered request. */
export interface Note {
  readonly number: number;
  /** The worker's key: its requests go out one after another, so their records must stand in that order. */
  readonly key: string;
  readonly status: number;
  /** `none`: the connection broke before an answer came; nothing was promised. */
  readonly outcome: string;
  /** The answer's code; of `none` the error's. */
  readonly code: string | null;
  readonly answerMs: number;
  /** How much of that the event loop of the load itself was late: it is not the node's fault. */
  readonly ownLagMs: number;
  /** When the answer came, in milliseconds since the load began. */
  readonly atMs: number;
}

export interface TopicRecord {
  readonly key: string | null;
  readonly value: string;
  readonly partition: number;
  readonly offset: string;
}

export interface Judgement {
  readonly requests: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** acked, but not in the topic, or not byte for byte. */
  readonly lost: readonly number[];
  /** not_sent or rejected, but in the topic. */
  readonly wronglyWritten: readonly number[];
  /** In the topic more than once: how many copies too many. */
  readonly duplicates: number;
  readonly duplicated: readonly number[];
  /** Pairs of acked records of one key that stand in the wrong order. */
  readonly disordered: number;
  readonly longestAnswerMs: number;
  /** The same without the lag of the load. */
  readonly longestNodeMs: number;
  /** From the first failure to the first acked answer after the last failure; null without failures. */
  readonly failingMs: number | null;
}

export const bodyOf = (number: number): string => JSON.stringify({ number, pad: `record ${number} `.repeat(8) });

/** The topic as it stands, in the oracle's form. */
export async function readRecords(topic: string, brokers: string): Promise<TopicRecord[]> {
  return (await readTopic(topic, brokers)).map(({ key, value, partition, offset }) => ({
    key: key?.toString() ?? null,
    value: value?.toString() ?? '',
    partition,
    offset,
  }));
}

/**
 * Holds what clients were told against what the topic has. Where the topic was deleted and made again, an ack of a
 * request that began before `forgottenBeforeMs`, when the new one came to be, may be of the old one: it is not asked for.
 */
export function judge(
  notes: readonly Note[],
  records: readonly TopicRecord[],
  forgottenBeforeMs = -Infinity,
): Judgement {
  const held = new Map<number, TopicRecord[]>();
  for (const record of records) {
    const { number } = JSON.parse(record.value) as { number: number };
    const same = held.get(number);
    if (same === undefined) held.set(number, [record]);
    else same.push(record);
  }
  const isHeld = (note: Note) =>
    (held.get(note.number) ?? []).some((record) => record.value === bodyOf(note.number) && record.key === note.key);
  const refused = new Set(['not_sent', 'rejected']);
  const outcomes: Record<string, number> = {};
  for (const { outcome } of notes) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  const answered = notes.filter(({ outcome }) => outcome !== 'none');
  const copied = [...held].filter(([, same]) => same.length > 1);
  return {
    requests: notes.length,
    outcomes,
    lost: notes
      .filter((note) => note.outcome === 'acked' && note.atMs - note.answerMs >= forgottenBeforeMs && !isHeld(note))
      .map((note) => note.number),
    wronglyWritten: notes
      .filter((note) => refused.has(note.outcome) && held.has(note.number))
      .map((note) => note.number),
    duplicates: copied.reduce((sum, [, same]) => sum + same.length - 1, 0),
    duplicated: copied.map(([number]) => number),
    disordered: countDisordered(notes, held),
    longestAnswerMs: greatest(answered.map((note) => note.answerMs)),
    longestNodeMs: greatest(answered.map((note) => note.answerMs - note.ownLagMs)),
    failingMs: failingTime(notes),
  };
}

function failingTime(notes: readonly Note[]): number | null {
  const failures = notes.filter((note) => note.outcome !== 'acked').map((note) => note.atMs);
  const lastMs = greatest(failures);
  const recovered = notes.filter((note) => note.outcome === 'acked' && note.atMs > lastMs).map((note) => note.atMs);
  return failures.length === 0 || recovered.length === 0 ? null : least(recovered) - least(failures);
}

// Spread into Math.max, a few hundred thousand numbers overflow the stack.
function greatest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), -Infinity);
}

function least(values: readonly number[]): number {
  return values.reduce((most, value) => Math.min(most, value), Infinity);
}

/** A worker's acked records, in the order it sent them, must have rising offsets (first copies) in one partition. */
function countDisordered(notes: readonly Note[], held: ReadonlyMap<number, readonly TopicRecord[]>): number {
  const last = new Map<string, { partition: number; offset: bigint }>();
  let disordered = 0;
  for (const note of [...notes].sort((a, b) => a.number - b.number)) {
    if (note.outcome !== 'acked') continue;
    const first = held.get(note.number)?.[0];
    if (first === undefined) continue;
    const previous = last.get(note.key);
    const offset = BigInt(first.offset);
    if (previous !== undefined && (previous.partition !== first.partition || previous.offset >= offset))
      disordered += 1;
    last.set(note.key, { partition: first.partition, offset });
  }
  return disordered;
}
