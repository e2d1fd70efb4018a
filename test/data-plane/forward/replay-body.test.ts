import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import { ReplayBody } from '../../../data-plane/forward/replay-body.ts';

describe('ReplayBody', () => {
  it('sends its beginning again, and goes on from there', async () => {
    const source = new PassThrough();
    const body = new ReplayBody(source);
    source.write('one ');
    const first = new PassThrough();
    const stop = body.sendTo(first);
    const [chunk] = await new Promise<Buffer[]>((resolve) => first.once('data', (data: Buffer) => resolve([data])));
    expect(String(chunk)).to.equal('one ');
    stop();
    expect(body.canRestart).to.equal(true);
    const second = new PassThrough();
    body.sendTo(second);
    source.end('two');
    expect(String(await buffer(second))).to.equal('one two');
  });

  it('cannot be sent again beyond 64 KiB, nor once an endpoint has answered', async () => {
    const long = new ReplayBody(Readable.from([Buffer.alloc(40_000), Buffer.alloc(40_000)]));
    const target = new PassThrough();
    long.sendTo(target);
    expect(await buffer(target)).to.have.length(80_000);
    expect(long.canRestart).to.equal(false);
    const short = new ReplayBody(Buffer.from('x'));
    expect(short.canRestart).to.equal(true);
    short.settle();
    expect(short.canRestart).to.equal(false);
  });

  it('waits for a target that takes nothing', async () => {
    const source = new PassThrough({ highWaterMark: 1_000 });
    const target = new PassThrough({ highWaterMark: 1_000 });
    new ReplayBody(source).sendTo(target);
    let written = 0;
    while (written < 100 && source.write(Buffer.alloc(1_000))) {
      written += 1;
      await new Promise(setImmediate);
    }
    expect(written).to.be.lessThan(10);
    expect(target.writableLength).to.be.lessThan(5_000);
  });

  for (const [what, body] of [
    ['without a body', null],
    ['of a buffer', Buffer.from('abc')],
  ] as const) {
    it(`is a body ${what}`, async () => {
      const replay = new ReplayBody(body);
      expect(replay.isEmpty).to.equal(body === null);
      const target = new PassThrough();
      replay.sendTo(target);
      expect(String(await buffer(target))).to.equal(String(body ?? ''));
    });
  }
});
