import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import type { Answer, OpenExchange } from '../../../data-plane/plugin-api/exchange.ts';
import { type Listener, type ListenerOptions, startListener } from '../../../data-plane/proxy/listener.ts';
import { RequestError } from '../../../shared/errors.ts';
import { Closing } from '../../helpers/closing.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { RawClient } from './raw-http.ts';

const ok: Answer = { status: 200, headers: [], body: '' };
const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const post = 'POST / HTTP/1.1\r\nHost: a\r\n';

describe('the bounds of a listener', function () {
  this.timeout(20_000);
  const closing = new Closing();
  let listener: Listener;
  /** Exchanges that are not answered, in order. */
  let seen: OpenExchange[];
  /** Limits that were reached, in order. */
  let hits: string[];

  async function start(options: Partial<ListenerOptions> = {}): Promise<void> {
    seen = [];
    hits = [];
    listener = await startListener({
      listen: { host: '127.0.0.1', port: 0 },
      handle: (exchange) => void seen.push(exchange),
      bodyBytesMax: 1_000_000,
      trustedIps: [],
      onLimit: (limit) => void hits.push(limit),
      ...options,
      limits: { lingerMs: 200, checkMs: 50, drainIdleMs: 50, ...options.limits },
    });
    const started = listener;
    closing.add(async () => {
      const ended = started.drain();
      started.destroy();
      await ended;
    });
  }

  async function open(): Promise<RawClient> {
    const client = await RawClient.open(listener.port);
    closing.add(() => client.destroy());
    return client;
  }

  /** Reads bodies and answers with their sizes. */
  function readBodies(exchange: OpenExchange): void {
    seen.push(exchange);
    exchange.readBody().then(
      (body) => exchange.respond({ ...ok, body: `[${body.length} bytes]` }),
      (error: unknown) =>
        error instanceof RequestError
          ? exchange.respond({ ...ok, status: error.status, body: error.code })
          : Promise.reject(error),
    );
  }

  afterEach(() => closing.close());

  it('closes a connection over connections_max at once, and serves the others on', async () => {
    await start({ limits: { connectionsMax: 2 } });
    const kept = await open();
    await open();
    await waitFor(() => listener.connections.active === 2, { what: 'both', pollMs: 5 });
    const third = await open();
    expect(await third.end(1_000)).to.deep.equal([]);
    expect(hits).to.deep.equal(['connections_max']);
    kept.send(get);
    await waitFor(() => seen.length === 1, { what: 'the request', pollMs: 5 });
    seen[0]?.respond(ok);
    expect(await kept.answers(1)).to.deep.equal([200]);
  });

  it('lets 16 pipelined requests in, reads no more until they are answered, and answers all in order', async () => {
    await start();
    const client = await open();
    const count = 6_000;
    const padding = 'x'.repeat(4_000);
    const requests = Array.from({ length: count }, () => `GET / HTTP/1.1\r\nHost: a\r\nX: ${padding}\r\n\r\n`);
    client.send(requests.join(''));
    await waitFor(() => seen.length === 16, { what: '16 requests', pollMs: 5 });
    expect(hits).to.deep.equal(['pipelined_max']);
    expect(client.socket.writableLength, 'what nobody reads waits at the client').to.be.greaterThan(1_000_000);
    let most = 0;
    let answered = 0;
    await waitFor(
      () => {
        most = Math.max(most, seen.length - answered);
        while (answered < seen.length) seen[answered++]?.respond({ ...ok, headers: ['X-Number', String(answered)] });
        return answered === count;
      },
      { what: 'all requests', timeoutMs: 15_000, pollMs: 1 },
    );
    expect(most).to.be.at.most(16);
    await client.answers(count, 15_000);
    const numbers = [...client.received.matchAll(/X-Number: (\d+)/g)].map(([, number]) => Number(number));
    expect(numbers).to.deep.equal(Array.from({ length: count }, (_, index) => index + 1));
  });

  it('answers a body 503 when unfinished bodies hold request_bodies_max, and gives the memory back', async () => {
    await start({ handle: readBodies, limits: { requestBodiesMaxBytes: 40_000 } });
    const half = 'x'.repeat(10_000);
    const first = (await open()).send(`${post}Content-Length: 20000\r\n\r\n${half}`);
    const second = (await open()).send(`${post}Content-Length: 20000\r\n\r\n${half}`);
    await waitFor(() => seen.length === 2, { what: 'two bodies', pollMs: 5 });
    const third = (await open()).send(`${post}Content-Length: 20000\r\n\r\n${half}`);
    expect(await third.answers(1)).to.deep.equal([503]);
    expect(third.received).to.contain('PRODUCER_OVERLOADED');
    expect(hits).to.deep.equal(['request_bodies_max']);
    expect(await first.send(half).answers(1)).to.deep.equal([200]);
    second.destroy();
    await waitFor(() => listener.connections.active === 2, { what: 'the end of the second', pollMs: 5 });
    const fourth = (await open()).send(`${post}Content-Length: 20000\r\n\r\n${half}${half}`);
    expect(await fourth.answers(1)).to.deep.equal([200]);
  });

  it('cuts a client that takes nothing of its answers for send_timeout, and leaves one that waits', async () => {
    const body = 'x'.repeat(8_000_000);
    await start({ limits: { sendTimeoutMs: 300, pipelinedMax: 16 } });
    const patient = await open();
    patient.send(get);
    const deaf = await open();
    deaf.socket.pause();
    deaf.send(get);
    await waitFor(() => seen.length === 2, { what: 'both requests', pollMs: 5 });
    const [first, second] = seen;
    second?.respond({ ...ok, body });
    await waitFor(() => listener.connections.active === 1, { what: 'the cut', timeoutMs: 3_000, pollMs: 10 });
    expect(hits).to.deep.equal(['send_timeout']);
    first?.respond(ok);
    expect(await patient.answers(1)).to.deep.equal([200]);
  });

  it('does not cut a slow client that takes some of its answer in time', async () => {
    const body = Buffer.alloc(20_000_000, 'x');
    await start({ limits: { sendTimeoutMs: 600 } });
    const slow = await open();
    slow.socket.pause();
    slow.send(get);
    await waitFor(() => seen.length === 1, { what: 'the request', pollMs: 5 });
    seen[0]?.respond({ ...ok, body });
    // Pauses add up to more than the time-out; each is shorter.
    for (let round = 1; round <= 8; round += 1) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      slow.socket.resume();
      await waitFor(() => slow.received.length > round * 2_000_000 || slow.closed, { what: 'some', pollMs: 1 });
      slow.socket.pause();
    }
    slow.socket.resume();
    await waitFor(() => slow.received.length > body.length || slow.closed, { what: 'the whole answer' });
    expect(hits).to.deep.equal([]);
    expect(slow.received.length).to.be.greaterThan(body.length);
  });

  const rows: readonly [limit: string, text: string, status: number | 'closed'][] = [
    ['header_timeout', 'GET / HTTP/1.1\r\nX', 408],
    ['body_timeout', `${post}Content-Length: 10\r\n\r\nabc`, 408],
    ['header_bytes_max', `GET / HTTP/1.1\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`, 431],
    ['headers_max', `GET / HTTP/1.1\r\nHost: a\r\n${'X: a\r\n'.repeat(200)}\r\n`, 431],
    ['idle_timeout', `${post}Content-Length: 1\r\n\r\na`, 'closed'],
  ];
  for (const [limit, text, status] of rows) {
    it(`counts ${limit}: ${status}`, async () => {
      const limits = { headerTimeoutMs: 200, bodyTimeoutMs: 400, idleTimeoutMs: 150 };
      await start({ handle: readBodies, limits });
      const client = await open();
      expect(await client.send(text).end()).to.deep.equal(status === 'closed' ? [200] : [status]);
      expect(hits).to.deep.equal([limit]);
    });
  }

  describe('a request with a body behind Connection: Upgrade', () => {
    const offer = 'Connection: Upgrade\r\nUpgrade: h2c\r\n';
    const upgrading = `GET /one HTTP/1.1\r\nHost: a\r\n${offer}\r\n`;
    const second = 'GET /two HTTP/1.1\r\nHost: a\r\n\r\n';
    const upgradingPost = `${post}${offer}Content-Length: 3\r\n\r\nabc`;

    for (const [what, first, behind] of [
      ['is served over the kept connection when it comes later', upgrading, ''],
      ['is not swallowed', upgrading, second],
      ['keeps its connection with a body', upgradingPost, ''],
      ['is not swallowed behind a body', upgradingPost, second],
      ['may have a header of unusual spacing', upgrading.replace('Host: a', 'Host:   a'), second],
      ['may come behind others', `${second}${upgrading}`, second],
    ] as const) {
      it(what, async () => {
        await start({ handle: readBodies });
        const client = await open();
        const count = `${first}${behind}`.split('HTTP/1.1').length - 1;
        await client.send(first + behind).answers(count);
        const all = await client.send(second).answers(count + 1);
        expect(all).to.deep.equal(all.map(() => 200));
        expect(client.received).to.not.match(/Connection: close/i);
      });
    }

    it('leaves nothing behind at its connection, however often it comes', async () => {
      await start({ handle: readBodies });
      const client = await open();
      const warnings: Error[] = [];
      const note = (warning: Error): void => void warnings.push(warning);
      process.on('warning', note);
      for (let round = 1; round <= 20; round += 1) await client.send(upgrading).answers(round);
      process.off('warning', note);
      expect(warnings).to.deep.equal([]);
    });

    it('is refused where its head is', async () => {
      await start({ handle: readBodies });
      for (const [more, status] of [
        ['X: a\r\n'.repeat(250), 431],
        ['Host: b\r\n', 400],
      ] as const) {
        const client = await open();
        const text = `GET / HTTP/1.1\r\nHost: a\r\n${more}${offer}\r\n`;
        expect(await client.send(text).end()).to.deep.equal([status]);
      }
    });
  });

  describe('a body that streams to a service', () => {
    const chunked = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
    const takeStream = (exchange: OpenExchange): void => {
      const body = exchange.openBody();
      if (body instanceof Readable) body.resume().once('end', () => exchange.respond(ok));
    };

    it('may take longer than body_timeout while it comes', async () => {
      await start({ handle: takeStream, limits: { bodyTimeoutMs: 150 } });
      const client = await open();
      client.send(chunked);
      for (let piece = 0; piece < 6; piece += 1) {
        client.send('1\r\nx\r\n');
        await delay(60);
      }
      expect(await client.send('0\r\n\r\n').answers(1)).to.deep.equal([200]);
      expect(hits).to.deep.equal([]);
    });

    it('has body_timeout for the next byte', async () => {
      await start({ handle: takeStream, limits: { bodyTimeoutMs: 150 } });
      const client = await open();
      expect(await client.send(`${chunked}1\r\nx\r\n`).end()).to.deep.equal([408]);
      expect(hits).to.deep.equal(['body_timeout']);
    });

    it('is not the client’s delay while nobody takes it', async () => {
      await start({ limits: { bodyTimeoutMs: 100 } });
      const client = await open();
      client.send(`${chunked}1\r\nx\r\n`);
      const exchange = await waitFor(() => seen[0], { what: 'the request' });
      const body = exchange.openBody();
      await delay(400);
      expect(hits).to.deep.equal([]);
      if (body instanceof Readable) body.resume();
      client.send('0\r\n\r\n');
      exchange.respond(ok);
      expect(await client.answers(1)).to.deep.equal([200]);
    });
  });

  it('refuses a target with a fragment', async () => {
    await start();
    expect(await (await open()).send('GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n').end()).to.deep.equal([400]);
  });

  describe('pipelined requests', () => {
    const three = ['/1', '/2', '/3'].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join('');

    it('are all answered by a node that drains: only the last says Connection: close', async () => {
      await start();
      const client = (await open()).send(three);
      await waitFor(() => seen.length === 3, { what: 'three requests', pollMs: 5 });
      const drained = listener.drain();
      for (const exchange of seen.toReversed()) exchange.respond({ ...ok, body: exchange.path });
      expect(await client.end()).to.deep.equal([200, 200, 200]);
      expect(client.received.match(/Connection: close/gi)).to.have.length(1);
      expect(client.received).to.match(/\/1.*\/2.*\/3/s);
      client.destroy();
      await drained;
    });

    it('are all answered before rubbish behind them ends the connection', async () => {
      await start();
      const client = (await open()).send(`${three}RUBBISH\r\n\r\n`);
      await waitFor(() => seen.length === 3, { what: 'three requests', pollMs: 5 });
      for (const exchange of seen) exchange.respond(ok);
      expect(await client.end()).to.deep.equal([200, 200, 200]);
    });
  });

  describe('X-Request-Id', () => {
    it('is on every answer: the client’s own where it is harmless, else one of ours', async () => {
      await start({ handle: (exchange) => exchange.respond(ok) });
      const client = await open();
      await client.send('GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine-1\r\n\r\n').answers(1);
      await client.send(get).answers(2);
      const ids = [...client.received.matchAll(/^X-Request-Id: (.*)\r$/gim)].map(([, id]) => id);
      expect(ids[0]).to.equal('mine-1');
      expect(ids[1]).to.match(/^[0-9a-f]{32}$/);
    });

    it('is on refusals, the same as in the body', async () => {
      await start();
      for (const text of ['RUBBISH\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n']) {
        const client = await open();
        await client.send(text).end();
        const [, id] = /^X-Request-Id: ([0-9a-f]{32})\r$/im.exec(client.received) ?? [];
        expect(client.received).to.contain(`"request_id":"${id}"`);
      }
    });
  });
});
