import { decompress, init } from '@bokuweb/zstd-wasm';
import { readRecordsBatch, Reader, crc32c } from '@platformatic/kafka';
import { expect } from 'chai';
import * as fc from 'fast-check';
import type { KafkaRecord } from '../../../../data-plane/kafka/kafka-client.ts';
import { codecOf } from '../../../../data-plane/kafka/wire/compression.ts';
import type { Compression } from '../../../../data-plane/kafka/producer-types.ts';
import { prepareRecordBatch } from '../../../../data-plane/kafka/wire/record-batch.ts';

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
  fc.integer({ min: 0, max: 20_000 }).map((length) => Buffer.alloc(length, 'x')),
);
const record: fc.Arbitrary<KafkaRecord> = fc.record({
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.array(
    fc.record({ name: fc.string({ unit: 'grapheme' }), value: fc.oneof(bytes, fc.string({ unit: 'grapheme' })) }),
    {
      maxLength: 5,
    },
  ),
});
const timestampMs = fc.oneof(fc.nat(5_000_000), fc.integer({ min: 0, max: 253_402_300_799_999 }));
const recordWithTime: fc.Arbitrary<KafkaRecord> = fc
  .tuple(record, fc.option(timestampMs))
  .map(([made, ms]) => (ms === null ? made : { ...made, timestampMs: ms }));

describe('prepareRecordBatch', () => {
  const compressions: Compression[] = ['none', 'gzip', 'snappy', 'lz4'];
  for (const compression of compressions) {
    it(`is read back by another library's decoder, compression ${compression}`, () => {
      fc.assert(
        fc.property(fc.array(recordWithTime, { minLength: 1, maxLength: 80 }), fc.nat(50), (records, headroomBytes) => {
          const nowMs = 1_795_557_832_127;
          const prepared = prepareRecordBatch({ records, compression, nowMs, stamp: null });
          const buffer = Buffer.alloc(headroomBytes + prepared.bytes);
          expect(prepared.writeTo(buffer, headroomBytes)).to.equal(buffer.length);
          const batch = readRecordsBatch(Reader.from(buffer.subarray(headroomBytes)));
          expect(batch.firstTimestamp).to.equal(BigInt(nowMs));
          const times = records.map((each) => each.timestampMs ?? nowMs);
          expect(batch.maxTimestamp).to.equal(BigInt(Math.max(...times)));
          expect(batch.records.map(({ timestampDelta }) => Number(timestampDelta) + nowMs)).to.deep.equal(times);
          expect(batch.lastOffsetDelta).to.equal(records.length - 1);
          expect(batch.producerId).to.equal(-1n);
          expect(batch.length).to.equal(buffer.length - headroomBytes - 12);
          expect(batch.crc).to.equal(crc32c(buffer.subarray(headroomBytes + 21)));
          expect(
            batch.records.map(({ offsetDelta, key, value, headers }) => ({ offsetDelta, key, value, headers })),
          ).to.deep.equal(
            records.map(({ key, value, headers }, offsetDelta) => ({
              offsetDelta,
              key,
              value,
              headers: headers.map(({ name, value: content }) => [Buffer.from(name), Buffer.from(content)]),
            })),
          );
        }),
        { numRuns: 60 },
      );
    });
  }

  it('carries the producer id and sequence of an idempotent producer, and its time', () => {
    const stamp = { producer: { id: 2n ** 40n, epoch: 3 }, sequence: 2 ** 31 - 1, createdAtMs: 1_700_000_000_000 };
    const records = [{ key: null, value: Buffer.from('a'), headers: [] }];
    const prepared = prepareRecordBatch({ records, compression: 'none', nowMs: Date.now(), stamp });
    const buffer = Buffer.alloc(prepared.bytes);
    prepared.writeTo(buffer, 0);
    const { producerId, producerEpoch, firstSequence, firstTimestamp } = readRecordsBatch(Reader.from(buffer));
    expect({ producerId, producerEpoch, firstSequence, firstTimestamp }).to.deep.equal({
      producerId: stamp.producer.id,
      producerEpoch: 3,
      firstSequence: stamp.sequence,
      firstTimestamp: BigInt(stamp.createdAtMs),
    });
  });

  // The other library reads zstd on newer runtimes only; Kafka's own consumer reads it in security/compression.ts.
  it('compresses by zstd so that it is read back, whatever the bytes', async () => {
    // Where Node.js compresses by itself nobody has loaded the library that reads here.
    await init();
    const { attribute, compress } = codecOf('zstd');
    expect(attribute).to.equal(4);
    fc.assert(
      fc.property(fc.oneof(bytes, fc.uint8Array({ size: 'max', maxLength: 200_000 })), (plain) => {
        const packed = compress?.(Buffer.from(plain)) ?? Buffer.alloc(0);
        if (plain.length > 0) expect(Buffer.compare(decompress(packed), plain)).to.equal(0);
        expect(packed.length).to.be.at.most(plain.length + 32 + (plain.length >> 8));
      }),
      { numRuns: 200 },
    );
  });

  it('compresses by zstd without holding on to memory', () => {
    const { compress } = codecOf('zstd');
    const plain = Buffer.alloc(100_000, 'one of many batches, ');
    const run = () => {
      for (let index = 0; index < 500; index += 1) compress?.(plain);
      return process.memoryUsage().rss;
    };
    const before = run();
    // 50 MB pass through each time.
    expect(run() - before).to.be.below(25 * 1024 * 1024);
  });
});
