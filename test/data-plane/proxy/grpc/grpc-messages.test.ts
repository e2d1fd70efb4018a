import { PassThrough, Readable } from 'node:stream';
import { deflateSync, gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { array, assert, asyncProperty, integer, uint8Array } from 'fast-check';
import { MessageReader } from '../../../../data-plane/proxy/grpc/grpc-messages.ts';
import { RequestBodies } from '../../../../data-plane/proxy/request-bodies.ts';
import type { RequestError } from '../../../../shared/errors.ts';

function frame(bytes: Uint8Array, flag = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(flag, 0);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}

function read(chunks: readonly Buffer[], encoding?: string, bytesMax = 1_000): Promise<Buffer[]> {
  const messages: Buffer[] = [];
  return new Promise((resolve, reject) => {
    const reader = new MessageReader({
      body: Readable.from(chunks, { objectMode: false }),
      encoding,
      bytesMax,
      bodies: new RequestBodies(100_000),
      onFull: () => undefined,
      isBroken: () => false,
      onMessage({ bytes }) {
        messages.push(bytes);
        // No message is wanted until the next turn.
        setImmediate(() => reader.resume());
        return false;
      },
      onEnd: (failure) => (failure === undefined ? resolve(messages) : reject(failure)),
    });
    reader.start();
  });
}

async function errorOf(chunks: readonly Buffer[], encoding?: string): Promise<Pick<RequestError, 'code' | 'message'>> {
  return read(chunks, encoding).then(
    () => ({ code: 'INTERNAL', message: 'no error' }),
    (error: RequestError) => error,
  );
}

describe('MessageReader', () => {
  it('gives messages as they were sent, however they are split', async () => {
    await assert(
      asyncProperty(
        array(uint8Array({ maxLength: 40 }), { maxLength: 6 }),
        array(integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 }),
        async (messages, cuts) => {
          const whole = Buffer.concat(messages.map((message) => frame(message)));
          const chunks: Buffer[] = [];
          for (let at = 0, cut = 0; at < whole.length; cut++) {
            const size = cuts[cut % cuts.length] ?? 1;
            chunks.push(Buffer.from(whole.subarray(at, at + size)));
            at += size;
          }
          const got = await read(chunks);
          expect(got.map((bytes) => bytes.toString('hex'))).to.deep.equal(
            messages.map((message) => Buffer.from(message).toString('hex')),
          );
        },
      ),
    );
  });

  it('decompresses messages that say so', async () => {
    const message = Buffer.from('hello hello hello');
    expect(await read([frame(gzipSync(message), 1), frame(message)], 'gzip')).to.deep.equal([message, message]);
    expect(await read([frame(deflateSync(message), 1)], 'deflate')).to.deep.equal([message]);
  });

  const failures: readonly { title: string; chunks: Buffer[]; encoding?: string; code: string; message: string }[] = [
    { title: 'an end within a prefix', chunks: [Buffer.alloc(3)], code: 'BODY_INVALID', message: 'within a message' },
    {
      title: 'an end within a message',
      chunks: [frame(Buffer.alloc(9)).subarray(0, 8)],
      code: 'BODY_INVALID',
      message: 'within',
    },
    { title: 'an unknown flag', chunks: [frame(Buffer.alloc(1), 2)], code: 'BODY_INVALID', message: 'flag 2' },
    {
      title: 'a compressed message without an encoding',
      chunks: [frame(gzipSync('x'), 1)],
      code: 'BODY_INVALID',
      message: 'no encoding',
    },
    {
      title: 'bytes that are not gzip',
      chunks: [frame(Buffer.from('x'), 1)],
      encoding: 'gzip',
      code: 'BODY_INVALID',
      message: 'not gzip',
    },
    {
      title: 'a message over the limit',
      chunks: [frame(Buffer.alloc(1_001))],
      code: 'BODY_TOO_LARGE',
      message: 'request_body_max',
    },
    {
      title: 'a message over the limit once decompressed',
      chunks: [frame(gzipSync(Buffer.alloc(100_000)), 1)],
      encoding: 'gzip',
      code: 'BODY_TOO_LARGE',
      message: 'request_body_max',
    },
  ];
  for (const { title, chunks, encoding, code, message } of failures) {
    it(`refuses ${title}`, async () => {
      const error = await errorOf(chunks, encoding);
      expect(error.code).to.equal(code);
      expect(error.message).to.include(message);
    });
  }

  it('refuses a message over the limit by its length, before its bytes come', async () => {
    const prefix = Buffer.from([0, 0x7f, 0xff, 0xff, 0xff]);
    expect(await errorOf([prefix])).to.include({ code: 'BODY_TOO_LARGE' });
  });

  describe('while a message is unfinished', () => {
    /** A reader of a body that the test writes. */
    function open(bodies: RequestBodies, bytesMax = 10_000) {
      const body = new PassThrough();
      const seen: string[] = [];
      let end: string | undefined;
      const reader = new MessageReader({
        body,
        encoding: undefined,
        bytesMax,
        bodies,
        onFull: () => seen.push('full'),
        isBroken: () => false,
        onMessage: ({ bytes }) => seen.push(String(bytes.length)) > 0,
        onEnd: (failure) => (end = failure?.code ?? 'done'),
      });
      reader.start();
      return { body, seen, reader, end: () => end };
    }
    const turn = () => new Promise((resolve) => setImmediate(resolve));

    it('counts its bytes in the account of unfinished bodies, and gives them back', async () => {
      const bodies = new RequestBodies(100_000);
      const { body, seen } = open(bodies);
      const whole = frame(Buffer.alloc(9_000));
      for (let at = 0; at < whole.length; at += 1_000) {
        body.write(whole.subarray(at, at + 1_000));
        await turn();
        // The first chunk is used as it is; no buffer is larger than the message.
        if (at > 0 && at + 1_000 < whole.length) expect(bodies.bytes).to.be.within(at, whole.length);
      }
      expect(seen).to.deep.equal(['9000']);
      expect(bodies.bytes).to.equal(0);
    });

    it('ends the call where there is no room for them', async () => {
      const bodies = new RequestBodies(2_000);
      const { body, seen, end } = open(bodies);
      const whole = frame(Buffer.alloc(9_000));
      for (let at = 0; at < whole.length; at += 1_000) {
        body.write(whole.subarray(at, at + 1_000));
        await turn();
      }
      expect(seen).to.deep.equal(['full']);
      expect(end()).to.equal('PRODUCER_OVERLOADED');
      expect(bodies.bytes).to.equal(0);
    });

    it('tells since when the client owes something', async () => {
      const { body, reader } = open(new RequestBodies(100_000));
      expect(reader.unfinishedSinceMs, 'the first message').to.be.a('number');
      body.write(frame(Buffer.from('a')));
      await turn();
      expect(reader.unfinishedSinceMs, 'between messages').to.equal(undefined);
      body.write(Buffer.alloc(3));
      await turn();
      const since = reader.unfinishedSinceMs;
      expect(since, 'within a prefix').to.be.a('number');
      body.write(Buffer.alloc(1));
      await turn();
      expect(reader.unfinishedSinceMs, 'a byte does not begin the time anew').to.equal(since);
      reader.stop();
      expect(reader.unfinishedSinceMs).to.equal(undefined);
    });
  });
});
