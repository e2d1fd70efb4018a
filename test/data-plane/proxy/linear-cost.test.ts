import { expect } from 'chai';
import { parseArgs } from '../../../data-plane/plugin-api/query-args.ts';
import { type Listener, startListener } from '../../../data-plane/proxy/listener.ts';
import { Closing } from '../../helpers/closing.ts';
import { expectLinearCost } from '../../helpers/linear-cost.ts';
import { usedBytes } from '../../helpers/used-bytes.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { RawClient } from './raw-http.ts';

describe('the cost of a request to the listener', function () {
  this.timeout(120_000);
  const closing = new Closing();
  const megabyte = 1024 * 1024;
  let listener: Listener;

  before(async () => {
    listener = await startListener({
      listen: { host: '127.0.0.1', port: 0 },
      handle(exchange) {
        void parseArgs(exchange.query);
        void [...exchange.headers.entries()];
        exchange.readBody().then(
          (body) => exchange.respond({ status: 200, headers: [], body: String(body.length) }),
          () => exchange.respond({ status: 400, headers: [], body: '' }),
        );
      },
      bodyBytesMax: 16 * megabyte,
      trustedIps: ['127.0.0.1'],
    });
  });
  after(async () => {
    const drained = listener.drain();
    listener.destroy();
    await drained;
  });
  afterEach(() => closing.close());

  /** Sends all bytes over one connection and waits for this many answers. */
  async function send(bytes: Buffer, answers: number): Promise<void> {
    const client = await RawClient.open(listener.port);
    closing.add(() => client.destroy());
    client.send(bytes);
    expect(new Set(await client.answers(answers, 30_000))).to.deep.equal(new Set([200]));
  }

  const get = 'GET / HTTP/1.1\r\nHost: a\r\n';
  const chunked = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
  const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(index));

  // A head is bounded: many requests with it are sent, so that the smallest takes long enough to be measured.
  const requests = 400;
  const heads: readonly [what: string, sizeMin: number, head: (size: number) => string][] = [
    ['one header', 3_500, (size) => `${get}X-Forwarded-For: ${'10.0.0.1,'.repeat(size / 9)}1.1.1.1\r\n\r\n`],
    ['header lines', 20, (size) => `${get}${'X-Some-Header: value\r\n'.repeat(size)}\r\n`],
    ['target', 3_500, (size) => `GET /${'%2e/a/%2e%2e/'.repeat(size / 13)} HTTP/1.1\r\nHost: a\r\n\r\n`],
    ['query', 100, (size) => `GET /?${numbers(size).join('=%41&')} HTTP/1.1\r\nHost: a\r\n\r\n`],
  ];
  for (const [what, sizeMin, head] of heads) {
    it(`grows linearly with its ${what}`, () =>
      expectLinearCost({
        sizeMin,
        sizeMax: sizeMin * 8,
        make: (size) => Buffer.from(head(size).repeat(requests)),
        run: (bytes) => send(bytes, requests),
      }));
  }

  it('grows linearly with a body in chunks of one byte', () =>
    expectLinearCost({
      sizeMin: 10_000,
      sizeMax: megabyte,
      make: (chunks) => Buffer.from(`${chunked}${'1\r\nx\r\n'.repeat(chunks)}0\r\n\r\n`),
      run: (bytes) => send(bytes, 1),
    }));

  it('holds little more memory than the bytes of a body in chunks of one byte', async () => {
    const client = await RawClient.open(listener.port);
    closing.add(() => client.destroy());
    await send(Buffer.from(`${get}\r\n`), 1);
    const before = usedBytes();
    const payload = megabyte;
    const chunks = '1\r\nx\r\n'.repeat(16_384);
    client.send(chunked);
    for (let sent = 0; sent < payload; sent += 16_384) client.send(chunks);
    await waitFor(() => client.socket.writableLength === 0, { what: 'the chunks are sent', timeoutMs: 30_000 });
    // The kernel holds no more than some of them; what is read by now is in one buffer.
    expect(usedBytes() - before).to.be.at.most(4 * payload);
    client.send('0\r\n\r\n');
    expect(await client.answers(1, 30_000)).to.deep.equal([200]);
    expect(client.received).to.contain(String(payload));
  });
});
