import { expect } from 'chai';
import { KafkaError } from '../../../../data-plane/kafka/kafka-error.ts';
import { decodeProducerIdResponse } from '../../../../data-plane/kafka/wire/producer-id-request.ts';

function response(errorCode: number, id: bigint, epoch: number): Buffer {
  const body = Buffer.alloc(16);
  body.writeInt16BE(errorCode, 4);
  body.writeBigInt64BE(id, 6);
  body.writeInt16BE(epoch, 14);
  return body;
}

describe('responses to requests for a producer id', () => {
  it('bring an id and its epoch', () => {
    expect(decodeProducerIdResponse(response(0, 2n ** 40n, 7))).to.deep.equal({ id: 2n ** 40n, epoch: 7 });
    expect(() => decodeProducerIdResponse(response(0, 1n, 0).subarray(0, 15))).to.throw(RangeError);
  });

  const errors: readonly [number, string, boolean][] = [
    // A broker that has just started and has no ids from the controller yet.
    [14, 'COORDINATOR_LOAD_IN_PROGRESS', true],
    [15, 'COORDINATOR_NOT_AVAILABLE', true],
    [31, 'CLUSTER_AUTHORIZATION_FAILED', false],
  ];
  for (const [code, kafkaName, retriable] of errors) {
    it(`or ${kafkaName}, which ${retriable ? 'passes' : 'does not pass'}`, () => {
      try {
        decodeProducerIdResponse(response(code, -1n, -1));
        expect.fail('it brought an id');
      } catch (error) {
        expect(error).to.be.instanceOf(KafkaError);
        expect(error).to.include({ kafkaName, retriable, wire: 'verdict' });
      }
    });
  }
});
