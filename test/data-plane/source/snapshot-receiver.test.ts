import { expect } from 'chai';
import { SnapshotReceiver, TransferError } from '../../../data-plane/source/snapshot-receiver.ts';
import { unpackedBytesMax } from '../../../shared/snapshot-wire.ts';
import { usedBytes } from '../../helpers/used-bytes.ts';

const startOf = (hash: string, totalBytes: number, baseHash = '') => ({
  hash,
  baseHash,
  revision: '7',
  totalBytes: String(totalBytes),
  entityCount: 1,
  databaseId: '',
  adopt: false,
  unpackedBytes: '0',
});
const data = (text: string) => ({ data: Buffer.from(text) });

describe('SnapshotReceiver', () => {
  it('joins chunks', () => {
    const receiver = new SnapshotReceiver();
    receiver.start(startOf('h', 4));
    receiver.chunk(data('ab'));
    receiver.chunk(data('cd'));
    const received = receiver.end({ hash: 'h' });
    expect(received?.body.toString()).to.equal('abcd');
    expect(received?.revision).to.equal(7);
    expect(received?.baseHash).to.equal(undefined);
  });

  it('recognises a delta by its base, also when it fails', () => {
    const receiver = new SnapshotReceiver({ bytesMax: 3 });
    receiver.start(startOf('h', 2, 'base'));
    receiver.chunk(data('ab'));
    expect(receiver.end({ hash: 'h' })?.baseHash).to.equal('base');
    const failure = (work: () => unknown): unknown => {
      try {
        return work();
      } catch (error) {
        return error;
      }
    };
    expect(failure(() => receiver.start(startOf('h', 4, 'base')))).to.include({ hash: 'h', isDelta: true });
    receiver.start(startOf('h', 2, 'base'));
    expect(failure(() => receiver.end({ hash: 'h' }))).to.include({ isDelta: true });
    expect(failure(() => receiver.start(startOf('h', 4)))).to.include({ isDelta: false });
  });

  it('drops a transfer when another one starts', () => {
    const receiver = new SnapshotReceiver();
    receiver.start(startOf('old', 4));
    receiver.chunk(data('ab'));
    receiver.start(startOf('new', 1));
    receiver.chunk(data('x'));
    expect(receiver.end({ hash: 'new' })?.body.toString()).to.equal('x');
  });

  it('refuses a snapshot over the limit by name, and ignores its chunks', () => {
    const receiver = new SnapshotReceiver({ bytesMax: 3 });
    expect(() => receiver.start(startOf('big', 4))).to.throw(TransferError, 'has 4 bytes, the limit is 3');
    receiver.chunk(data('abcd'));
    expect(receiver.end({ hash: 'big' })).to.equal(undefined);
  });

  it('refuses what is announced as too large unpacked, also as a delta, before it takes a chunk', () => {
    const receiver = new SnapshotReceiver();
    const limit = unpackedBytesMax;
    receiver.start({ ...startOf('h', 1), unpackedBytes: String(limit) });
    for (const base of ['', 'base']) {
      const start = { ...startOf('big', 1, base), unpackedBytes: String(limit + 1) };
      expect(() => receiver.start(start))
        .to.throw(TransferError, `has ${limit + 1} bytes unpacked, the limit is ${limit}`)
        .with.property('isDelta', false);
      receiver.chunk(data('a'));
      expect(receiver.end({ hash: 'big' })).to.equal(undefined);
    }
  });

  it('keeps no empty chunks, however many come', () => {
    const receiver = new SnapshotReceiver();
    receiver.start(startOf('h', 1));
    const empty = data('');
    const beforeBytes = usedBytes();
    for (let sent = 0; sent < 1_000_000; sent += 1) receiver.chunk(empty);
    expect(usedBytes() - beforeBytes).to.be.below(2_000_000);
    receiver.chunk(data('x'));
    expect(receiver.end({ hash: 'h' })?.body.toString()).to.equal('x');
  });

  it('refuses more, fewer or other bytes than announced', () => {
    const receiver = new SnapshotReceiver();
    receiver.start(startOf('h', 1));
    expect(() => receiver.chunk(data('ab'))).to.throw(TransferError, 'More than');
    receiver.start(startOf('h', 3));
    receiver.chunk(data('ab'));
    expect(() => receiver.end({ hash: 'h' })).to.throw(TransferError, '2 of the announced 3');
    receiver.start(startOf('h', 0));
    expect(() => receiver.end({ hash: 'other' })).to.throw(TransferError);
  });
});
