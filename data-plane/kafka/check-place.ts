import type { TopicLimits } from './kafka-client.ts';
import { type Failure, partitionInvalid, timestampInvalid } from './produce-failure.ts';
import type { RecordPlace } from './producer-types.ts';
import type { TopicState } from './topic-state.ts';

/** How far ahead a timestamp may be where the brokers do not tell the topic's limits. */
const aheadMaxMs = 3_600_000;

export interface PlaceQuestions {
  /** Asks the brokers again how many partitions the topic has. Never rejects. */
  recount(topic: TopicState, deadlineMs: number): Promise<void>;
  askLimits(topic: string, deadlineMs: number): Promise<TopicLimits>;
}

/**
 * Checks the partition and the timestamp that a request chose, before the record is queued: the brokers would refuse the
 * whole batch that it shares with others. Null where nothing speaks against them as far as the brokers answer.
 */
export async function checkPlace(
  topic: TopicState,
  { partition, timestampMs }: RecordPlace,
  deadlineMs: number,
  questions: PlaceQuestions,
): Promise<Failure | null> {
  if (partition !== undefined) {
    if (!topic.known || partition >= topic.partitions) await questions.recount(topic, deadlineMs);
    if (topic.known && partition >= topic.partitions) return partitionInvalid;
  }
  if (timestampMs === undefined) return null;
  const limits =
    topic.limit.known(performance.now()) ??
    (await topic.limit.askFor((untilMs) => questions.askLimits(topic.name, untilMs), deadlineMs));
  return takesTimestamp(limits, timestampMs, Date.now()) ? null : timestampInvalid(null);
}

/** Says whether a topic takes a record with a timestamp of its own. */
export function takesTimestamp({ timestamps }: TopicLimits, timestampMs: number, nowMs: number): boolean {
  if (timestamps === null) return timestampMs - nowMs <= aheadMaxMs;
  const { isAppendTime, beforeMaxMs, afterMaxMs } = timestamps;
  return isAppendTime || (nowMs - timestampMs <= beforeMaxMs && timestampMs - nowMs <= afterMaxMs);
}
