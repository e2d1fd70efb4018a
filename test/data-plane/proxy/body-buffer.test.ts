import { expect } from 'chai';
import { BodyBuffer } from '../../../data-plane/proxy/body-buffer.ts';
import { RequestBodies } from '../../../data-plane/proxy/request-bodies.ts';

const bytesMax = 1_000_000;

describe('the buffer of a body', () => {
  function gather(pieces: readonly Buffer[], declaredBytes: number | null, bodies = new RequestBodies(10 * bytesMax)) {
    const buffer = new BodyBuffer({ declaredBytes, bytesMax, bodies });
    for (const piece of pieces) if (!buffer.add(piece)) return { buffer, bodies, body: undefined };
    return { buffer, bodies, body: buffer.finish() };
  }

  for (const [what, sizes] of [
    ['one piece', [5]],
    ['two pieces', [3, 4]],
    ['a thousand pieces of one byte', Array.from({ length: 1_000 }, () => 1)],
    ['pieces of all sizes', [1, 70_000, 2, 300_000, 5]],
    ['nothing', []],
  ] as const) {
    for (const isDeclared of [true, false]) {
      it(`joins ${what}${isDeclared ? ' of a declared length' : ''}`, () => {
        const pieces = sizes.map((size, index) => Buffer.alloc(size, index % 256));
        const whole = Buffer.concat(pieces);
        const { body, bodies } = gather(pieces, isDeclared ? whole.length : null);
        expect(body?.equals(whole)).to.equal(true);
        expect(bodies.bytes, 'given back').to.equal(0);
      });
    }
  }

  it('passes on a body of one piece without a copy', () => {
    const piece = Buffer.from('whole');
    expect(gather([piece], piece.length).body).to.equal(piece);
  });

  it('holds memory in proportion to the bytes, whatever the size of the pieces', () => {
    const bodies = new RequestBodies(10 * bytesMax);
    const buffer = new BodyBuffer({ declaredBytes: null, bytesMax, bodies });
    const piece = Buffer.from('x');
    for (let count = 0; count < bytesMax; count += 1) buffer.add(piece);
    expect(bodies.bytes).to.be.within(bytesMax, 2 * bytesMax);
  });

  it('does not reserve memory for a declared length alone', () => {
    const bodies = new RequestBodies(10 * bytesMax);
    new BodyBuffer({ declaredBytes: bytesMax, bytesMax, bodies }).add(Buffer.from('x'));
    expect(bodies.bytes).to.be.at.most(4096);
  });

  it('passes on a small body without the unused space of its buffer', () => {
    const { body } = gather([Buffer.from('a'), Buffer.from('b')], null);
    expect(body?.toString()).to.equal('ab');
    expect(body?.buffer.byteLength).to.be.at.most(Buffer.poolSize);
  });

  it('reserves nothing over the memory budget, and releases once', () => {
    const bodies = new RequestBodies(5_000);
    const { body, buffer } = gather([Buffer.alloc(10), Buffer.alloc(4_990), Buffer.alloc(1)], 9_000, bodies);
    expect(body).to.equal(undefined);
    expect(bodies.bytes).to.equal(4096);
    buffer.drop();
    buffer.drop();
    expect(bodies.bytes).to.equal(0);
  });
});
