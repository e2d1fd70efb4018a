import type { ProducerId } from '../kafka-client.ts';
import { KafkaError } from '../kafka-error.ts';
import { kafkaErrorCode } from './kafka-error-codes.ts';
import { WireReader } from './wire-reader.ts';
import type { ApiVersion } from './wire-request.ts';

/** InitProducerId. Brokers from 0.11 to 4.x know version 0, and it can do all that is needed without transactions. */
export const producerIdVersion: ApiVersion = { apiKey: 22, apiVersion: 0, flexible: false };

/** The body of a request for a new producer id without a transactional id. */
export function encodeProducerIdRequest(headroomBytes: number): Buffer {
  const buffer = Buffer.alloc(headroomBytes + 6);
  const at = buffer.writeInt16BE(-1, headroomBytes); // no transactional id
  buffer.writeInt32BE(0, at); // nor a time-out of transactions
  return buffer;
}

/** Decodes the body of the response. @throws KafkaError when it brings no id, RangeError when it is cut short */
export function decodeProducerIdResponse(body: Buffer): ProducerId {
  const reader = new WireReader(body);
  reader.int32(); // throttle time
  const errorCode = reader.int16();
  if (errorCode !== 0) {
    const { name, retriable } = kafkaErrorCode(errorCode);
    throw new KafkaError(name, `the broker answered ${name} for a producer id`, { retriable, wire: 'verdict' });
  }
  return { id: reader.int64(), epoch: reader.int16() };
}
