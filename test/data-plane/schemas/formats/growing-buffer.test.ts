import { expect } from 'chai';
import { AvroWriter } from '../../../../data-plane/schemas/formats/avro-writer.ts';
import { encodedBytesMax, GrowingBuffer } from '../../../../data-plane/schemas/formats/growing-buffer.ts';
import { ProtobufWriter } from '../../../../data-plane/schemas/formats/protobuf-writer.ts';
import { RequestError } from '../../../../shared/errors.ts';

describe('the growing buffer', () => {
  it('keeps what was written when it grows, also behind the position', () => {
    const store = new GrowingBuffer();
    const { length } = store.bytes;
    store.bytes[length - 1] = 7;
    const grown = store.reserve(length - 2, 5);
    expect(grown).to.equal(store.bytes);
    expect(grown.length).to.be.at.least(length + 3);
    expect(grown[length - 1]).to.equal(7);
    expect(store.copy(length).at(-1)).to.equal(7);
  });

  it('releases the buffer of a large record', () => {
    const store = new GrowingBuffer();
    const { length } = store.bytes;
    store.reserve(0, 2 * 1024 * 1024);
    store.reset();
    expect(store.bytes.length).to.equal(length);
  });

  it('grows no further than a record may be', () => {
    const store = new GrowingBuffer();
    expect(() => store.reserve(encodedBytesMax, 1))
      .to.throw(RequestError)
      .with.property('code', 'RECORD_TOO_LARGE');
  });

  // 16 KiB is the size that a buffer begins with.
  for (const before of Array.from({ length: 12 }, (_, index) => 16 * 1024 - index)) {
    it(`writes an Avro array whole that begins ${16 * 1024 - before} bytes before its edge`, () => {
      const writer = new AvroWriter();
      writer.raw(Buffer.alloc(before, 1));
      const place = writer.openBlock();
      writer.byte(6);
      writer.closeBlock(place, 1);
      writer.byte(0);
      expect([...writer.take().subarray(before)]).to.deep.equal([2, 6, 0]);
    });

    it(`writes a Protobuf message whole that begins ${16 * 1024 - before} bytes before its edge`, () => {
      const writer = new ProtobufWriter();
      writer.raw(Buffer.alloc(before, 1));
      const start = writer.open();
      writer.raw(Buffer.of(5));
      writer.string('é');
      writer.close(start);
      expect([...writer.take().subarray(before)]).to.deep.equal([4, 5, 2, 0xc3, 0xa9]);
    });
  }
});
