import type { RequestError } from '../../../../shared/errors.ts';
import type { GroupVerdicts } from '../../../kafka/group-verdicts.ts';
import type { FailedVerdict, GroupRecord } from '../../../kafka/producer-types.ts';
import type { Answer } from '../../../plugin-api/exchange.ts';
import { errorOfVerdict, jsonHeaders, partialAnswer, worstOf, type AnswerOptions } from '../answers.ts';
import type { BatchRecords } from './batch-records.ts';

export interface BatchAnswerRequest {
  readonly batch: BatchRecords;
  /** Elements of the body. */
  readonly count: number;
  /** The client asks for the place of each record (`Prefer: return=representation`, RFC 7240). */
  readonly showsOffsets: boolean;
  readonly requestId: () => string;
}

/** Returns the answer to elements whose records are queued (async mode) or handed to the socket (acks 0). */
export function acceptedBatch(count: number): Answer {
  const body = `{"outcome":"accepted","count":${count}}`;
  return { status: 200, headers: jsonHeaders, body, result: { outcome: 'accepted', count } };
}

/**
 * Turns the verdicts on the records of a batch into its answer: counts and ranges when all are acked, else what became of
 * each element. @throws RequestError when all failed alike
 */
export function batchAnswer(verdicts: GroupVerdicts, request: BatchAnswerRequest, options: AnswerOptions): Answer {
  const { batch, count, requestId } = request;
  const { records } = batch;
  if (verdicts.acked === records.length) return ackedBatch(verdicts, request);
  if (verdicts.acked === 0 && verdicts.failures.size === 0) return acceptedBatch(count);
  const errors = new ErrorsOfVerdicts(options);
  const outcomes = new Set<string>(verdicts.failures.size < records.length ? [goodOutcome(verdicts)] : []);
  for (const verdict of verdicts.failures.values()) outcomes.add(errors.of(verdict).outcome);
  if (outcomes.size === 1) throw worstOf(errors.all);
  return partialAnswer(requestId(), 'results', resultsOf(verdicts, batch, errors), count);
}

/** With acks 0 a record that did not fail is accepted. */
function goodOutcome({ acked }: GroupVerdicts): 'acked' | 'accepted' {
  return acked > 0 ? 'acked' : 'accepted';
}

interface OffsetRange {
  readonly topic: string;
  readonly partition: number;
  count: number;
  first: number;
  last: number;
}

function ackedBatch(verdicts: GroupVerdicts, { batch, count, showsOffsets }: BatchAnswerRequest): Answer {
  const ranges = rangesOf(verdicts, batch.records)
    .map(
      ({ topic, partition, count, first, last }) =>
        `{"topic":"${topic}","partition":${partition},"count":${count},"first_offset":"${first}","last_offset":"${last}"}`,
    )
    .join(',');
  const head = `{"outcome":"acked","count":${count},"records":[${ranges}]`;
  const result = { outcome: 'acked', count } as const;
  if (!showsOffsets) return { status: 200, headers: jsonHeaders, body: `${head}}`, result };
  const headers = [...jsonHeaders, 'preference-applied', 'return=representation'];
  return { status: 200, headers, body: `${head},"offsets":[${offsetsOf(verdicts, batch)}]}`, result };
}

/** Returns the range of each topic-partition, in order. Records of other requests may lie within it. */
function rangesOf(verdicts: GroupVerdicts, records: readonly GroupRecord[]): OffsetRange[] {
  const byTopic = new Map<string, OffsetRange[]>();
  let name: string | undefined;
  let ranges: OffsetRange[] = [];
  for (let position = 0; position < records.length; position++) {
    const topic = records[position]?.topic ?? '';
    if (topic !== name) {
      name = topic;
      ranges = byTopic.get(topic) ?? [];
      byTopic.set(topic, ranges);
    }
    const partition = verdicts.partitions[position] ?? -1;
    const offset = verdicts.offsets[position] ?? -1;
    const range = ranges[partition];
    if (range === undefined) {
      ranges[partition] = { topic, partition, count: 1, first: offset, last: offset };
      continue;
    }
    range.count++;
    if (offset < range.first) range.first = offset;
    if (offset > range.last) range.last = offset;
  }
  // Partitions without a record leave holes, which flat() takes out.
  return [...byTopic.values()].flat();
}

/** Writes `[index, partition, "offset"]` for each record, and its topic where there are several. */
function offsetsOf(verdicts: GroupVerdicts, { records, indexes }: BatchRecords): string {
  const isOneTopic = records.every(({ topic }) => topic === records[0]?.topic);
  return records
    .map(({ topic }, position) => {
      const place = `${indexes[position]},${verdicts.partitions[position]},"${verdicts.offsets[position]}"`;
      return isOneTopic ? `[${place}]` : `[${place},"${topic}"]`;
    })
    .join(',');
}

interface BatchResult {
  readonly outcome: string;
  readonly code?: string;
  readonly topic: string;
  /** First and last index of each run of elements. */
  readonly indexes: (readonly [first: number, last: number])[];
}

/** Returns what became of each element: complete, in runs of neighbours. */
function resultsOf(
  verdicts: GroupVerdicts,
  { records, indexes }: BatchRecords,
  errors: ErrorsOfVerdicts,
): readonly BatchResult[] {
  const results = new Map<string, BatchResult>();
  for (let position = 0; position < records.length; position++) {
    const verdict = verdicts.failures.get(position);
    const topic = records[position]?.topic ?? '';
    const index = indexes[position] ?? 0;
    const told = verdict === undefined ? undefined : errors.of(verdict);
    const outcome = told?.outcome ?? goodOutcome(verdicts);
    const key = `${outcome} ${told?.code} ${topic}`;
    const result = results.get(key);
    if (result === undefined) {
      const code = told === undefined ? {} : { code: told.code };
      results.set(key, { outcome, ...code, topic, indexes: [[index, index]] });
      continue;
    }
    const last = result.indexes.at(-1);
    if (last !== undefined && last[1] === index - 1) result.indexes[result.indexes.length - 1] = [last[0], index];
    else result.indexes.push([index, index]);
  }
  return [...results.values()];
}

/** The errors that verdicts are answered with: one for all verdicts that say the same. */
class ErrorsOfVerdicts {
  readonly #options: AnswerOptions;
  readonly #errors = new Map<string, RequestError>();

  constructor(options: AnswerOptions) {
    this.#options = options;
  }

  get all(): readonly RequestError[] {
    return [...this.#errors.values()];
  }

  of(verdict: FailedVerdict): RequestError {
    const key = `${verdict.outcome} ${verdict.code} ${verdict.topic}`;
    const known = this.#errors.get(key);
    if (known !== undefined) return known;
    const error = errorOfVerdict(verdict, this.#options);
    this.#errors.set(key, error);
    return error;
  }
}
