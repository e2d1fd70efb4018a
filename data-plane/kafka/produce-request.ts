import { KafkaError, type ProduceBatch, type ProduceResult } from './client.ts';
import { kafkaErrorCode } from './kafka-error-codes.ts';
import type { Compression } from './producer.ts';
import { encodeRecordBatch } from './record-batch.ts';

export const produceApiKey = 0;
/** Brokers from 2.1 to 4.x know version 7, and it allows every compression. */
export const produceApiVersion = 7;

/**
 * The body of a Produce request of version 7 for one topic-partition, with `headroomBytes` free before it for the
 * request header of the client at hand.
 */
export function encodeProduceRequest(options: {
  batch: ProduceBatch;
  acks: -1 | 0 | 1;
  compression: Compression;
  nowMs: number;
  headroomBytes: number;
}): Buffer {
  const { batch, headroomBytes } = options;
  const topicBytes = Buffer.byteLength(batch.topic);
  const envelopeBytes = 26 + topicBytes;
  const buffer = encodeRecordBatch({
    records: batch.records,
    compression: options.compression,
    nowMs: options.nowMs,
    headroomBytes: headroomBytes + envelopeBytes,
  });
  let at = headroomBytes;
  at = buffer.writeInt16BE(-1, at); // no transactional id
  at = buffer.writeInt16BE(options.acks, at);
  at = buffer.writeInt32BE(batch.timeoutMs, at);
  at = buffer.writeInt32BE(1, at); // one topic
  at = buffer.writeInt16BE(topicBytes, at);
  at += buffer.write(batch.topic, at);
  at = buffer.writeInt32BE(1, at); // one partition
  at = buffer.writeInt32BE(batch.partition, at);
  buffer.writeInt32BE(buffer.length - headroomBytes - envelopeBytes, at);
  return buffer;
}

/** A decoded Produce response: of one topic-partition, as was asked. */
export interface ProduceAnswer {
  readonly partition: number;
  readonly topic: string;
  readonly errorCode: number;
  readonly baseOffset: bigint;
  readonly throttleMs: number;
}

/** Decodes the body of a Produce response of version 7. @throws RangeError when it is cut short. */
export function decodeProduceResponse(body: Buffer): ProduceAnswer | null {
  if (body.readInt32BE(0) !== 1) return null;
  const topicBytes = body.readInt16BE(4);
  const topic = body.toString('utf8', 6, 6 + topicBytes);
  const at = 6 + topicBytes;
  if (body.readInt32BE(at) !== 1) return null;
  return {
    topic,
    partition: body.readInt32BE(at + 4),
    errorCode: body.readInt16BE(at + 8),
    baseOffset: body.readBigInt64BE(at + 10),
    throttleMs: body.readInt32BE(at + 34),
  };
}

/**
 * What the answer says of the batch. A record counts as written only when the response names its topic and partition
 * without an error.
 *
 * Not every error means "not written": with acks=-1 the leader appends first and waits for its replicas then, and when
 * the wait ends badly (time-out, too few replicas, leadership lost, topic deleted) it answers that error together with
 * the offset it had given. Such an error leaves the outcome unknown. An error of a refusal bears the offset -1.
 * @throws KafkaError
 */
export function readVerdict(answer: ProduceAnswer | null, batch: ProduceBatch): ProduceResult {
  if (answer === null || answer.topic !== batch.topic || answer.partition !== batch.partition) {
    throw new KafkaError('INVALID_RESPONSE', 'the broker answered for another topic-partition', {
      retriable: false,
      wire: 'unknown',
    });
  }
  if (answer.errorCode === 0) return { baseOffset: answer.baseOffset };
  const { name, retriable } = kafkaErrorCode(answer.errorCode);
  const maybeWritten =
    answer.baseOffset >= 0n ||
    name === 'REQUEST_TIMED_OUT' ||
    name === 'NOT_ENOUGH_REPLICAS_AFTER_APPEND' ||
    name === 'UNKNOWN_SERVER_ERROR';
  throw new KafkaError(name, `the broker answered ${name}`, { retriable, wire: maybeWritten ? 'unknown' : 'verdict' });
}
