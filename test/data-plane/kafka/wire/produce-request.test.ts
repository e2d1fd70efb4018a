import { Reader, readRecordsBatch } from '@platformatic/kafka';
import { expect } from 'chai';
import * as fc from 'fast-check';
import type { ProduceRequest } from '../../../../data-plane/kafka/kafka-client.ts';
import { KafkaError } from '../../../../data-plane/kafka/kafka-error.ts';
import {
  decodeProduceResponse,
  encodeProduceRequest,
  produceVersion,
  readVerdicts,
} from '../../../../data-plane/kafka/wire/produce-request.ts';
import { decodeMetadataResponse, metadataVersion } from '../../../../data-plane/kafka/wire/metadata-request.ts';

const topicId = '0123456789abcdef0123456789abcdef';
const record = { key: null, value: Buffer.from('v'), headers: [] };
const request: ProduceRequest = {
  topic: 'täglich',
  topicId,
  leader: 1,
  batches: [3, 200].map((partition) => ({ partition, records: [record, record], stamp: null })),
  timeoutMs: 77,
};
const byId = { apiKey: 0, apiVersion: 13, flexible: true };
const byName = { apiKey: 0, apiVersion: 7, flexible: false };

describe('Produce requests', () => {
  it('name the topic by id where the broker and the metadata know ids', () => {
    expect(produceVersion(() => 13, topicId)).to.deep.equal(byId);
    expect(produceVersion(() => 14, topicId)).to.deep.equal(byId);
    expect(produceVersion(() => 12, topicId)).to.deep.equal(byName);
    expect(produceVersion(() => 13, null)).to.deep.equal(byName);
    expect(metadataVersion(() => 13).apiVersion).to.equal(12);
    expect(metadataVersion(() => 11).apiVersion).to.equal(4);
  });

  for (const version of [byId, byName]) {
    it(`hold a batch for each partition, version ${version.apiVersion}`, () => {
      const headroomBytes = 9;
      const buffer = encodeProduceRequest({
        version,
        request,
        acks: -1,
        compression: 'none',
        nowMs: Date.now(),
        headroomBytes,
      });
      const reader = Reader.from(buffer.subarray(headroomBytes));
      const { flexible } = version;
      expect(flexible ? reader.readNullableString() : reader.readInt16()).to.equal(flexible ? null : -1);
      expect([reader.readInt16(), reader.readInt32()]).to.deep.equal([-1, 77]);
      expect(flexible ? reader.readUnsignedVarInt() - 1 : reader.readInt32()).to.equal(1);
      if (flexible) expect(reader.readUUID().replaceAll('-', '')).to.equal(topicId);
      else expect(reader.readString(false)).to.equal(request.topic);
      expect(flexible ? reader.readUnsignedVarInt() - 1 : reader.readInt32()).to.equal(2);
      for (const { partition } of request.batches) {
        expect(reader.readInt32()).to.equal(partition);
        const bytes = flexible ? reader.readUnsignedVarInt() - 1 : reader.readInt32();
        const end = reader.position + bytes;
        expect(readRecordsBatch(reader).records).to.have.length(2);
        expect(reader.position).to.equal(end);
        if (flexible) expect(reader.readUnsignedVarInt()).to.equal(0);
      }
      if (flexible) expect([reader.readUnsignedVarInt(), reader.readUnsignedVarInt()]).to.deep.equal([0, 0]);
      expect(headroomBytes + reader.position).to.equal(buffer.length);
    });
  }
});

/** A response of version 13: topic id, then partition, error code and base offset of each. */
function responseById(id: string, partitions: readonly (readonly [number, number, bigint])[]): Buffer {
  const parts = partitions.map(([partition, errorCode, baseOffset]) => {
    const part = Buffer.alloc(14 + 16 + 3);
    part.writeInt32BE(partition, 0);
    part.writeInt16BE(errorCode, 4);
    part.writeBigInt64BE(baseOffset, 6);
    part[30] = 1; // no record errors; then a null message and no tagged fields
    return part;
  });
  return Buffer.concat([
    Buffer.from([2]),
    Buffer.from(id, 'hex'),
    Buffer.from([partitions.length + 1]),
    ...parts,
    Buffer.from([0, 0, 0, 0, 250, 0]),
  ]);
}

describe('Produce responses', () => {
  const read = (body: Buffer, stamped = false) => {
    const asked = stamped
      ? {
          ...request,
          batches: request.batches.map((batch) => ({
            ...batch,
            stamp: { producer: { id: 1n, epoch: 0 }, sequence: 0, createdAtMs: 0 },
          })),
        }
      : request;
    return readVerdicts(decodeProduceResponse(body, byId), asked, byId).map((outcome) =>
      outcome instanceof KafkaError ? `${outcome.kafkaName} ${outcome.wire}` : outcome.baseOffset,
    );
  };

  it('give each batch the answer for its partition', () => {
    const body = responseById(topicId, [
      [200, 0, 12n],
      [3, 10, -1n],
    ]);
    expect(read(body)).to.deep.equal(['MESSAGE_TOO_LARGE verdict', 12n]);
    expect(decodeProduceResponse(body, byId).throttleMs).to.equal(250);
  });

  const table: readonly [string, number, bigint, boolean, unknown][] = [
    ['after the append', 20, -1n, false, 'NOT_ENOUGH_REPLICAS_AFTER_APPEND unknown'],
    ['an error with an offset', 6, 5n, false, 'NOT_LEADER_OR_FOLLOWER unknown'],
    ['an error without', 6, -1n, false, 'NOT_LEADER_OR_FOLLOWER verdict'],
    ['another topic of that name', 100, -1n, false, 'UNKNOWN_TOPIC_ID verdict'],
    ['a duplicate whose place is known', 46, 9n, true, 9n],
    ['a duplicate whose place is forgotten', 46, -1n, true, 'DUPLICATE_SEQUENCE_NUMBER unknown'],
    ['a gap', 45, -1n, true, 'OUT_OF_ORDER_SEQUENCE_NUMBER verdict'],
  ];
  for (const [name, code, offset, stamped, expected] of table) {
    it(`${name}: ${String(expected)}`, () => {
      const body = responseById(topicId, [
        [3, code, offset],
        [200, 0, 1n],
      ]);
      expect(read(body, stamped)).to.deep.equal([expected, 1n]);
    });
  }

  it('leave the outcome unknown of partitions that they do not name', () => {
    expect(read(responseById(topicId, [[3, 0, 1n]]))).to.deep.equal([1n, 'INVALID_RESPONSE unknown']);
    expect(read(responseById('f'.repeat(32), [[3, 0, 1n]]))).to.deep.equal([
      'INVALID_RESPONSE unknown',
      'INVALID_RESPONSE unknown',
    ]);
  });

  it('throw at once when they are cut short or malformed', () => {
    const whole = responseById(topicId, [
      [3, 0, 1n],
      [200, 0, 1n],
    ]);
    for (let bytes = 0; bytes < whole.length - 1; bytes++) {
      expect(() => decodeProduceResponse(whole.subarray(0, bytes), byId), `${bytes} bytes`).to.throw(RangeError);
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, flexible) => {
        for (const decode of [
          () => decodeProduceResponse(Buffer.from(bytes), { apiKey: 0, apiVersion: 0, flexible }),
          () => decodeMetadataResponse(Buffer.from(bytes), { apiKey: 3, apiVersion: 0, flexible }),
        ]) {
          try {
            decode();
          } catch (error) {
            expect(error).to.be.instanceOf(RangeError);
          }
        }
      }),
    );
  });
});
