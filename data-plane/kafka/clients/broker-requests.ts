import type { BatchOutcome, ProduceRequest, ProducerId } from '../kafka-client.ts';
import { KafkaError } from '../kafka-error.ts';
import {
  decodeMetadataResponse,
  encodeMetadataRequest,
  type MetadataAnswer,
  metadataVersion,
} from '../wire/metadata-request.ts';
import { decodeProduceResponse, encodeProduceRequest, produceVersion, readVerdicts } from '../wire/produce-request.ts';
import { decodeProducerIdResponse, encodeProducerIdRequest, producerIdVersion } from '../wire/producer-id-request.ts';
import type { ClusterSettings } from '../producer-types.ts';
import {
  decodeTopicConfigResponse,
  encodeTopicConfigRequest,
  topicConfigVersion,
} from '../wire/topic-config-request.ts';
import type { WireRequest } from '../wire/wire-request.ts';
import { type BrokerConnection, timedOut } from './broker-connection.ts';
import { withinTime } from '../../../shared/within-time.ts';

/** Asks for the brokers and these topics. @throws KafkaError when there is no answer. */
export async function askMetadata(
  connection: BrokerConnection,
  topics: readonly string[],
  timeoutMs: number,
): Promise<MetadataAnswer> {
  const version = metadataVersion((apiKey) => connection.highestVersion(apiKey));
  const request: WireRequest = {
    ...version,
    encode: (headroomBytes) => encodeMetadataRequest(version, topics, headroomBytes),
    expectsAnswer: true,
  };
  const body = await answered(connection, request, timeoutMs);
  return decoded(() => decodeMetadataResponse(body, version));
}

/** @throws KafkaError */
export async function askProducerId(connection: BrokerConnection, timeoutMs: number): Promise<ProducerId> {
  const request: WireRequest = { ...producerIdVersion, encode: encodeProducerIdRequest, expectsAnswer: true };
  const body = await answered(connection, request, timeoutMs);
  return decoded(() => decodeProducerIdResponse(body));
}

/** Returns the settings of the topic, without those that the broker does not tell. @throws KafkaError when there is no answer */
export async function askTopicConfig(
  connection: BrokerConnection,
  topic: string,
  names: readonly string[],
  timeoutMs: number,
): Promise<ReadonlyMap<string, string>> {
  const request: WireRequest = {
    ...topicConfigVersion,
    encode: (headroomBytes) => encodeTopicConfigRequest(topic, names, headroomBytes),
    expectsAnswer: true,
  };
  const body = await answered(connection, request, timeoutMs);
  return decoded(() => decodeTopicConfigResponse(body));
}

/** Sends a Produce request and returns the result of each batch. @throws KafkaError which holds for all of them */
export async function produceOn(
  connection: BrokerConnection,
  { acks, compression }: ClusterSettings,
  request: ProduceRequest,
): Promise<readonly BatchOutcome[]> {
  const version = produceVersion((apiKey) => connection.highestVersion(apiKey), request.topicId);
  const body = await connection.exchange({
    ...version,
    encode: (headroomBytes) =>
      encodeProduceRequest({ version, request, acks, compression, nowMs: Date.now(), headroomBytes }),
    expectsAnswer: acks !== 0,
  });
  if (body === null) return request.batches.map(() => ({ baseOffset: null }));
  const answer = decoded(() => decodeProduceResponse(body, version));
  connection.throttle(answer.throttleMs);
  return readVerdicts(answer, request, version);
}

async function answered(connection: BrokerConnection, request: WireRequest, timeoutMs: number): Promise<Buffer> {
  const body = await withinTime(connection.exchange(request), timeoutMs, () => {
    throw timedOut('unknown');
  });
  if (body === null) throw invalidResponse();
  return body;
}

function decoded<T>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof KafkaError) throw error;
    throw invalidResponse(error);
  }
}

function invalidResponse(cause?: unknown): KafkaError {
  return new KafkaError('INVALID_RESPONSE', "the broker's answer cannot be read", {
    retriable: false,
    wire: 'unknown',
    cause,
  });
}
