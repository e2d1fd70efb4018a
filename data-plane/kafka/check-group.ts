import { takesTimestamp, type PlaceQuestions } from './check-place.ts';
import type { TopicLimits } from './kafka-client.ts';
import { type Failure, largerThanBatch, partitionInvalid, timestampInvalid } from './produce-failure.ts';
import type { GroupRecord } from './producer-types.ts';
import type { TopicState } from './topic-state.ts';
import { loneBatchBytes } from './wire/record-batch.ts';

/** A record that the brokers would refuse. */
export interface RecordFault {
  readonly position: number;
  readonly failure: Failure;
}

export interface GroupBounds {
  /** Bytes of one Produce request (`producer_request_limits_bytes_per_request`). */
  readonly batchBytesMax: number;
  /** Brokers compare a compressed batch with their limit: nobody knows its size before. */
  readonly isCompressed: boolean;
}

/**
 * Checks the records of one request before any of them is queued: sizes, partitions and timestamps. What the brokers do
 * not tell by the deadline (monotonic ms) speaks against none of them.
 */
export async function checkGroup(
  records: readonly GroupRecord[],
  topicOf: (name: string) => TopicState | null,
  bounds: GroupBounds,
  deadlineMs: number,
  questions: PlaceQuestions,
): Promise<readonly RecordFault[]> {
  const topics = new Map<string, CheckedTopic | null>();
  for (const [name, highest] of highestPartitions(records)) {
    const topic = topicOf(name);
    topics.set(name, topic === null ? null : await ask(topic, highest, deadlineMs, questions));
  }
  const faults: RecordFault[] = [];
  const nowMs = Date.now();
  for (let position = 0; position < records.length; position++) {
    const record = records[position];
    const topic = record === undefined ? null : topics.get(record.topic);
    const failure = record === undefined || !topic ? null : faultOf(record, topic, bounds, nowMs);
    if (failure !== null) faults.push({ position, failure });
  }
  return faults;
}

interface CheckedTopic {
  readonly topic: TopicState;
  readonly limits: TopicLimits;
}

/** Returns the topics of the records, each with the highest partition that was chosen for one of them; -1: none. */
function highestPartitions(records: readonly GroupRecord[]): ReadonlyMap<string, number> {
  const highest = new Map<string, number>();
  for (const { topic, record } of records) {
    const { partition = -1 } = record;
    const known = highest.get(topic);
    if (known === undefined || partition > known) highest.set(topic, partition);
  }
  return highest;
}

async function ask(
  topic: TopicState,
  highestPartition: number,
  deadlineMs: number,
  questions: PlaceQuestions,
): Promise<CheckedTopic> {
  if (!topic.known || highestPartition >= topic.partitions) await questions.recount(topic, deadlineMs);
  const limits =
    topic.limit.known(performance.now()) ??
    (await topic.limit.askFor((untilMs) => questions.askLimits(topic.name, untilMs), deadlineMs));
  return { topic, limits };
}

function faultOf(
  { record, bytes }: GroupRecord,
  { topic, limits }: CheckedTopic,
  { batchBytesMax, isCompressed }: GroupBounds,
  nowMs: number,
): Failure | null {
  const { partition, timestampMs } = record;
  if (partition !== undefined && topic.known && partition >= topic.partitions) return partitionInvalid;
  if (timestampMs !== undefined && !takesTimestamp(limits, timestampMs, nowMs)) return timestampInvalid(null);
  if (bytes > batchBytesMax) return largerThanBatch(batchBytesMax, 'producer_request_limits_bytes_per_request');
  const { recordBytesMax } = limits;
  if (isCompressed || recordBytesMax === null || bytes * roughFactor + roughBytes <= recordBytesMax) return null;
  return loneBatchBytes(record) > recordBytesMax ? largerThanBatch(recordBytesMax, 'the topic') : null;
}

/** `bytes` count a header's characters, which take up to three bytes, and leave out what stands around a record. */
const roughFactor = 3;
const roughBytes = 256;
