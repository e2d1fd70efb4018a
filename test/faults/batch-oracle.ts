import type { TopicRecord } from './oracle.ts';

/** What a client was told of one element in one request. */
export interface Attempt {
  readonly outcome: string;
  /** Where the answer says that the element stands. */
  readonly place: string | null;
}

/** One element: it is sent again, behind those before it of its key, until it is acked. */
export interface ElementNote {
  readonly number: number;
  readonly key: string;
  readonly attempts: Attempt[];
}

export interface BatchJudgement {
  readonly elements: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** acked, but not in the topic, or not byte for byte. */
  readonly lost: readonly number[];
  /** More copies than attempts that may have written the element. Holds where records are numbered. */
  readonly wronglyWritten: readonly number[];
  /** Elements that do not stand where an answer said so. */
  readonly misplaced: readonly number[];
  /** Copies too many. */
  readonly duplicates: number;
  /** Neighbours of one key whose first copies stand in the wrong order. */
  readonly disordered: readonly number[];
}

/** The text of an element. */
export const elementOf = (number: number, key: string): string =>
  JSON.stringify({ key, number, pad: `element ${number} `.repeat(6) });

export const placeOf = (partition: number, offset: string): string => `${partition}/${offset}`;

/** Holds what a client was told of its elements against what the topic has. */
export function judgeBatches(notes: readonly ElementNote[], records: readonly TopicRecord[]): BatchJudgement {
  const held = new Map<string, TopicRecord[]>();
  for (const record of records) held.set(record.value, [...(held.get(record.value) ?? []), record]);
  const copiesOf = ({ number, key }: ElementNote): readonly TopicRecord[] =>
    (held.get(elementOf(number, key)) ?? []).filter((record) => record.key === key);
  const outcomes: Record<string, number> = {};
  for (const { attempts } of notes) {
    for (const { outcome } of attempts) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  }
  const numbers = (test: (note: ElementNote) => boolean): number[] => notes.filter(test).map(({ number }) => number);
  const isAcked = ({ attempts }: ElementNote): boolean => attempts.some(({ outcome }) => outcome === 'acked');
  const mayHaveWritten = ({ attempts }: ElementNote): number =>
    attempts.filter(({ outcome }) => outcome !== 'not_sent' && outcome !== 'rejected').length;
  return {
    elements: notes.length,
    outcomes,
    lost: numbers((note) => isAcked(note) && copiesOf(note).length === 0),
    wronglyWritten: numbers((note) => copiesOf(note).length > mayHaveWritten(note)),
    misplaced: numbers((note) =>
      note.attempts.some(
        ({ place }) =>
          place !== null && !copiesOf(note).some(({ partition, offset }) => placeOf(partition, offset) === place),
      ),
    ),
    duplicates: notes.reduce((sum, note) => sum + Math.max(0, copiesOf(note).length - 1), 0),
    disordered: disordered(notes, copiesOf),
  };
}

function disordered(
  notes: readonly ElementNote[],
  copiesOf: (note: ElementNote) => readonly TopicRecord[],
): readonly number[] {
  const last = new Map<string, TopicRecord>();
  const wrong: number[] = [];
  for (const note of [...notes].sort((a, b) => a.number - b.number)) {
    const [first] = copiesOf(note);
    if (first === undefined) continue;
    const before = last.get(note.key);
    last.set(note.key, first);
    if (before === undefined) continue;
    if (before.partition !== first.partition || BigInt(before.offset) >= BigInt(first.offset)) wrong.push(note.number);
  }
  return wrong;
}

/**
 * The elements of one request behind one that was not acked, in the same key, that were acked all the same: there must be
 * none (the prefix rule). `outcomes` and `keys` by index.
 */
export function prefixBreaks(outcomes: readonly string[], keys: readonly string[]): readonly number[] {
  const broken = new Set<string>();
  const breaks: number[] = [];
  outcomes.forEach((outcome, index) => {
    const key = keys[index] ?? '';
    if (outcome !== 'acked') broken.add(key);
    else if (broken.has(key)) breaks.push(index);
  });
  return breaks;
}
