import type { BatchOutcome, ProduceBatch, ProduceRequest, ProduceResult } from '../kafka-client.ts';
import { KafkaError } from '../kafka-error.ts';
import { kafkaErrorCode } from './kafka-error-codes.ts';
import type { Compression } from '../producer-types.ts';
import { type PreparedBatch, prepareRecordBatch } from './record-batch.ts';
import { unsignedVarintBytes, WireReader, writeUnsignedVarint } from './wire-reader.ts';
import type { ApiVersion, HighestVersion } from './wire-request.ts';

const apiKey = 0;
/** Names the topic by its id (KIP-516): brokers from 4.1 on. */
const byId: ApiVersion = { apiKey, apiVersion: 13, flexible: true };
/** Names the topic by its name. Brokers from 2.1 on know version 7, and it allows every compression. */
const byName: ApiVersion = { apiKey, apiVersion: 7, flexible: false };

/**
 * By id wherever it can be: to a topic that was deleted and made again a broker may hold the old log for a while, and
 * would acknowledge into it whatever bears the name.
 */
export function produceVersion(highest: HighestVersion, topicId: string | null): ApiVersion {
  return topicId !== null && highest(apiKey) >= byId.apiVersion ? byId : byName;
}

/** The body of a Produce request, with `headroomBytes` free before it for the request header of the client at hand. */
export function encodeProduceRequest(options: {
  version: ApiVersion;
  request: ProduceRequest;
  acks: -1 | 0 | 1;
  compression: Compression;
  nowMs: number;
  headroomBytes: number;
}): Buffer {
  const { version, request, acks, compression, nowMs, headroomBytes } = options;
  const prepared = request.batches.map(({ partition, records, stamp }) => ({
    partition,
    batch: prepareRecordBatch({ records, compression, nowMs, stamp }),
  }));
  return version.flexible
    ? encodeById(request, acks, prepared, headroomBytes)
    : encodeByName(request, acks, prepared, headroomBytes);
}

interface Prepared {
  readonly partition: number;
  readonly batch: PreparedBatch;
}

function encodeByName(
  { topic, timeoutMs }: ProduceRequest,
  acks: number,
  prepared: readonly Prepared[],
  headroomBytes: number,
): Buffer {
  const topicBytes = Buffer.byteLength(topic);
  let bytes = headroomBytes + 18 + topicBytes;
  for (const { batch } of prepared) bytes += 8 + batch.bytes;
  const buffer = Buffer.allocUnsafe(bytes);
  let at = headroomBytes;
  at = buffer.writeInt16BE(-1, at); // no transactional id
  at = buffer.writeInt16BE(acks, at);
  at = buffer.writeInt32BE(timeoutMs, at);
  at = buffer.writeInt32BE(1, at); // one topic
  at = buffer.writeInt16BE(topicBytes, at);
  at += buffer.write(topic, at);
  at = buffer.writeInt32BE(prepared.length, at);
  for (const { partition, batch } of prepared) {
    at = buffer.writeInt32BE(partition, at);
    at = buffer.writeInt32BE(batch.bytes, at);
    at = batch.writeTo(buffer, at);
  }
  return buffer;
}

function encodeById(
  { topicId, timeoutMs }: ProduceRequest,
  acks: number,
  prepared: readonly Prepared[],
  headroomBytes: number,
): Buffer {
  let bytes = headroomBytes + 26 + unsignedVarintBytes(prepared.length + 1);
  for (const { batch } of prepared) bytes += 5 + unsignedVarintBytes(batch.bytes + 1) + batch.bytes;
  const buffer = Buffer.allocUnsafe(bytes);
  let at = headroomBytes;
  at = buffer.writeUInt8(0, at); // no transactional id
  at = buffer.writeInt16BE(acks, at);
  at = buffer.writeInt32BE(timeoutMs, at);
  at = writeUnsignedVarint(buffer, at, 1 + 1); // one topic
  at += buffer.write(topicId ?? '', at, 'hex');
  at = writeUnsignedVarint(buffer, at, prepared.length + 1);
  for (const { partition, batch } of prepared) {
    at = buffer.writeInt32BE(partition, at);
    at = writeUnsignedVarint(buffer, at, batch.bytes + 1);
    at = batch.writeTo(buffer, at);
    at = buffer.writeUInt8(0, at); // no tagged fields of the partition
  }
  at = buffer.writeUInt8(0, at); // of the topic
  buffer.writeUInt8(0, at); // of the request
  return buffer;
}

/** A decoded Produce response. */
export interface ProduceAnswer {
  readonly throttleMs: number;
  readonly partitions: readonly PartitionAnswer[];
}

interface PartitionAnswer {
  /** The topic's id or name, whichever the version bears. */
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly baseOffset: bigint;
}

/** Decodes the body of a Produce response. @throws RangeError when it is cut short. */
export function decodeProduceResponse(body: Buffer, { flexible }: ApiVersion): ProduceAnswer {
  const reader = new WireReader(body);
  const partitions = (flexible ? readTopicsById(reader) : readTopicsByName(reader)).flat();
  return { partitions, throttleMs: reader.int32() };
}

function readTopicsByName(reader: WireReader): PartitionAnswer[][] {
  return reader.array(() => {
    const topic = reader.string();
    return reader.array(() => {
      const answer = readPartition(topic, reader);
      reader.skip(16); // log append time, log start offset
      return answer;
    });
  });
}

function readTopicsById(reader: WireReader): PartitionAnswer[][] {
  return reader.compactArray(() => {
    const topic = reader.uuid();
    const partitions = reader.compactArray(() => {
      const answer = readPartition(topic, reader);
      reader.skip(16); // log append time, log start offset
      reader.compactArray(() => {
        reader.int32(); // a record's index
        reader.compactString();
        reader.skipTags();
      });
      reader.compactString(); // the error's message
      reader.skipTags();
      return answer;
    });
    reader.skipTags();
    return partitions;
  });
}

function readPartition(topic: string, reader: WireReader): PartitionAnswer {
  return { topic, partition: reader.int32(), errorCode: reader.int16(), baseOffset: reader.int64() };
}

/** Returns the answer's verdict on each batch, in their order. */
export function readVerdicts(answer: ProduceAnswer, request: ProduceRequest, version: ApiVersion): BatchOutcome[] {
  const topic = version.flexible ? request.topicId : request.topic;
  return request.batches.map((batch) =>
    readVerdict(
      answer.partitions.find((each) => each.topic === topic && each.partition === batch.partition),
      batch,
    ),
  );
}

/**
 * Returns the answer's verdict on one batch. A record counts as written only when the response names its topic and partition
 * without an error.
 *
 * Not every error means "not written": with acks=-1 the leader appends first and waits for its replicas then, and when
 * the wait ends badly (time-out, too few replicas, leadership lost, topic deleted) it answers that error together with
 * the offset it had given. Such an error leaves the outcome unknown. An error of a refusal bears the offset -1.
 */
function readVerdict(answer: PartitionAnswer | undefined, { stamp }: ProduceBatch): ProduceResult | KafkaError {
  if (answer === undefined) {
    return new KafkaError('INVALID_RESPONSE', 'the broker answered for other topic-partitions', {
      retriable: false,
      wire: 'unknown',
    });
  }
  const { errorCode, baseOffset } = answer;
  if (errorCode === 0) return { baseOffset };
  const { name, retriable } = kafkaErrorCode(errorCode);
  // It was written by an attempt before; where is told only while the broker remembers.
  const isDuplicate = name === 'DUPLICATE_SEQUENCE_NUMBER';
  if (isDuplicate && stamp !== null && baseOffset >= 0n) return { baseOffset };
  const maybeWritten =
    isDuplicate ||
    baseOffset >= 0n ||
    name === 'REQUEST_TIMED_OUT' ||
    name === 'NOT_ENOUGH_REPLICAS_AFTER_APPEND' ||
    name === 'UNKNOWN_SERVER_ERROR';
  return new KafkaError(name, `the broker answered ${name}`, { retriable, wire: maybeWritten ? 'unknown' : 'verdict' });
}
