import { expect } from 'chai';
import { RequestError } from '../../../shared/errors.ts';
import type { OpenExchange } from '../../../data-plane/plugin-api/exchange.ts';
import { type Listener, type ListenerOptions, startListener } from '../../../data-plane/proxy/listener.ts';
import { Closing } from '../../helpers/closing.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { RawClient } from './raw-http.ts';

const bodyBytesMax = 1_000;

describe('a listener', function () {
  this.timeout(20_000);
  const closing = new Closing();
  let listener: Listener;
  /** Statuses of what was refused before it was handed on. */
  let refused: number[];
  /** What was handed on, in order. */
  let seen: OpenExchange[];

  /** GET is answered at once, with what was understood; others after their body was read. `/unread`: without reading. */
  function answer(exchange: OpenExchange): void {
    seen.push(exchange);
    const { method, host, port, path, query, target } = exchange;
    const say = (status: number, body: string) => exchange.respond({ status, headers: [], body });
    if (path === '/wait') return;
    if (path === '/target') return say(200, `[${target}]`);
    if (method === 'GET' || path === '/unread') return say(200, `[${method} ${host} ${port} ${path} ${query}]`);
    exchange.readBody().then(
      (body) => say(200, `[${body.length} bytes]`),
      (error: unknown) => say(error instanceof RequestError ? error.status : 500, `[${String(error)}]`),
    );
  }

  async function start(options: Partial<ListenerOptions> = {}): Promise<void> {
    listener = await startListener({
      listen: { host: '127.0.0.1', port: 0 },
      handle: answer,
      bodyBytesMax,
      trustedIps: [],
      onRefused: (status) => refused.push(status),
      ...options,
      limits: { lingerMs: 200, drainIdleMs: 300, ...options.limits },
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

  beforeEach(async () => {
    seen = [];
    refused = [];
    await start();
  });
  afterEach(() => closing.close());

  const get = 'GET / HTTP/1.1\r\nHost: a\r\n';
  const post = 'POST / HTTP/1.1\r\nHost: a\r\n';
  const chunked = `${post}Transfer-Encoding: chunked\r\n`;

  const refusals: readonly [what: string, text: string | Buffer, status: number][] = [
    ['no HTTP at all', 'HELLO\r\n\r\n', 400],
    ['a TLS handshake', Buffer.from('160301020001000001fc0303', 'hex'), 400],
    ['a preface of HTTP/2 that is none', 'PRI * HTTP/2.0\r\n\r\nSN\r\n\r\n', 400],
    ['another version', 'GET / HTTP/3.7\r\nHost: a\r\n\r\n', 400],
    ['HTTP/2.0 in the syntax of 1.1', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505],
    ['HTTP/0.9', 'GET / HTTP/0.9\r\nHost: a\r\n\r\n', 505],
    ['a method in lower case', 'get / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['bare line feeds', 'GET / HTTP/1.1\nHost: a\n\n', 400],
    ['a space before the colon', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n', 400],
    ['a folded header', `${get}X: a\r\n b\r\n\r\n`, 400],
    ['a NUL in a header', `${get}X: a\0b\r\n\r\n`, 400],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['no Host with an absolute target', 'GET http://a/ HTTP/1.1\r\n\r\n', 400],
    ['two Host headers', `${get}host: b\r\n\r\n`, 400],
    ['two equal Host headers', `${get}HOST: a\r\n\r\n`, 400],
    ['a Host that is none', 'GET / HTTP/1.1\r\nHost: a/b c\r\n\r\n', 400],
    ['an over-long Host', `GET / HTTP/1.1\r\nHost: ${'a.'.repeat(200)}\r\n\r\n`, 400],
    ['Content-Length before Transfer-Encoding', `${post}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n`, 400],
    ['Transfer-Encoding before Content-Length', `${chunked}Content-Length: 3\r\n\r\n0\r\n\r\n`, 400],
    ['two values of Content-Length', `${post}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc`, 400],
    ['Content-Length as a list', `${post}Content-Length: 3, 3\r\n\r\nabc`, 400],
    ['a negative Content-Length', `${post}Content-Length: -1\r\n\r\n`, 400],
    ['a Content-Length with a sign', `${post}Content-Length: +3\r\n\r\nabc`, 400],
    ['chunked that is not last', `${post}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`, 400],
    ['a coding that we do not undo', `${post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 501],
    ['chunks of HTTP/1.0', 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['a chunk size that is none', `${chunked}\r\nzz\r\n`, 400],
    ['a chunk size without end', `${chunked}\r\nffffffffffffffffff\r\n`, 400],
    ['chunks with bare line feeds', `${chunked}\r\n1\nx\n0\n\n`, 400],
    ['another expectation', `${post}Content-Length: 1\r\nExpect: tea\r\n\r\nx`, 417],
    ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 405],
    ['40 KiB of a header', `${get}X: ${'x'.repeat(40_000)}\r\n\r\n`, 431],
    ['40 KiB of headers', `${get}${`X: ${'x'.repeat(1_000)}\r\n`.repeat(40)}\r\n`, 431],
    ['40 KiB of a target', `GET /${'x'.repeat(40_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431],
    ['megabytes of a header', `${get}X: ${'x'.repeat(4_000_000)}\r\n\r\n`, 431],
    ['201 headers', `${get}${'X: a\r\n'.repeat(200)}\r\n`, 431],
    ['10,000 headers', `${get}${'X:\r\n'.repeat(6_000)}\r\n`, 431],
    [
      'a refused request before a large body',
      `${get}Host: b\r\nContent-Length: 9000000\r\n\r\n${'x'.repeat(9e6)}`,
      400,
    ],
  ];
  for (const [what, text, status] of refusals) {
    it(`answers ${what} with ${status}, says why in JSON, and closes`, async () => {
      const client = await open();
      expect(await client.send(text).end()).to.deep.equal([status]);
      expect(client.error, 'the answer is not overtaken by a reset').to.equal(undefined);
      const [head = '', body = ''] = client.received.split('\r\n\r\n');
      expect(head).to.match(/^Connection: close$/im);
      expect(head).to.match(/^Content-Type: application\/json/im);
      // A border: the body's shape is what is looked at.
      const parsed = JSON.parse(body) as { message: string; request_id: string };
      expect(parsed.message).to.be.a('string').with.length.above(0);
      expect(parsed.request_id).to.match(/^[0-9a-f]{32}$/);
      expect(refused, 'counted once').to.deep.equal([status]);
      // Where only the body is malformed, its request has begun; it must have been told.
      for (const exchange of seen) expect(exchange.method).to.equal('POST');
    });
  }

  it('answers CONNECT with what it allows, and outlives a client that breaks off', async () => {
    const client = await open();
    await client.send('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\nbytes for the tunnel').end();
    expect(client.received).to.match(/^Allow: .*\bPOST\b/m);
    const rude = await open();
    rude.send('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n');
    await waitFor(() => refused.length === 2, { what: 'the refusal' });
    rude.socket.resetAndDestroy();
    await waitFor(() => listener.connections.active <= 1, { what: 'the end of the connection' });
    expect(await (await open()).send(`${get}\r\n`).answers(1)).to.deep.equal([200]);
  });

  it('lets no refusal of CONNECT overtake the answer to the request before it', async () => {
    const client = await open();
    client.send('GET /wait HTTP/1.1\r\nHost: a\r\n\r\nCONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n');
    await waitFor(() => refused.length === 1, { what: 'the refusal' });
    expect(client.statuses).to.deep.equal([]);
    seen[0]?.respond({ status: 204, headers: [], body: '' });
    expect(await client.end()).to.deep.equal([204]);
  });

  for (const protocol of ['h2c', 'websocket']) {
    it(`serves a request that offers to upgrade to ${protocol} as it is`, async () => {
      const client = await open();
      const offer = `Connection: Upgrade\r\nUpgrade: ${protocol}\r\nContent-Length: 3\r\n\r\nabc`;
      // Java's client offers h2c with every first request and goes on over the same connection.
      await client.send(`${post}${offer}`).answers(1);
      expect(await client.send(`${get}\r\n`).answers(2)).to.deep.equal([200, 200]);
      expect(client.received)
        .to.include('[3 bytes]')
        .and.not.match(/^Upgrade:/im);
    });
  }

  const understood: readonly [what: string, text: string, answer: string][] = [
    ['a host with port', 'GET /a?b=c?d HTTP/1.1\r\nHost: Example.COM:81\r\n\r\n', '[GET example.com 81 /a b=c?d]'],
    ['a target that is normalised', 'GET //%41/../b/ HTTP/1.1\r\nHost: a\r\n\r\n', '[GET a PORT /b/ ]'],
    ['HTTP/1.0 without a host', 'GET / HTTP/1.0\r\n\r\n', '[GET  PORT / ]'],
    ['an empty host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n', '[GET  PORT / ]'],
    ['an absolute target', 'GET http://B.com:81/x/../y?q HTTP/1.1\r\nHost: a\r\n\r\n', '[GET b.com 81 /y q]'],
    ['an absolute target without a path', 'GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n', '[GET b PORT / q]'],
    ['an absolute target with a user', 'GET http://u:p@b/ HTTP/1.1\r\nHost: a\r\n\r\n', '[GET b PORT / ]'],
    ['the path alone as the target', 'GET http://u:p@b/target?q HTTP/1.1\r\nHost: a\r\n\r\n', '[/target?q]'],
    ['200 headers', `${get}${'X: a\r\n'.repeat(199)}\r\n`, '[GET a PORT / ]'],
    ['chunks with extensions and trailers', `${chunked}\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n`, '[5 bytes]'],
    ['a body at the limit', `${post}Content-Length: 1000\r\n\r\n${'x'.repeat(1000)}`, '[1000 bytes]'],
    ['chunks at the limit', `${chunked}\r\n3e8\r\n${'x'.repeat(1000)}\r\n0\r\n\r\n`, '[1000 bytes]'],
    ['an empty body', `${post}Content-Length: 0\r\n\r\n`, '[0 bytes]'],
    ['no body', `${post}\r\n`, '[0 bytes]'],
  ];
  for (const [what, text, wanted] of understood) {
    it(`understands ${what}`, async () => {
      const client = await open();
      await client.send(text).answers(1);
      expect(client.received).to.include(wanted.replace('PORT', String(listener.port)));
    });
  }

  it('keeps a connection for the next request, bodies read or short and skipped', async () => {
    const client = await open();
    await client.send(`${get}\r\n`).answers(1);
    await client.send(`${post}Content-Length: 3\r\n\r\nabc`).answers(2);
    await client.send(`${chunked}\r\n3\r\nabc\r\n0\r\n\r\n`).answers(3);
    await client.send('POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc').answers(4);
    expect(await client.send(`${get}\r\n`).answers(5)).to.deep.equal([200, 200, 200, 200, 200]);
    expect(listener.connections).to.deep.equal({ accepted: 1, active: 1 });
  });

  it('answers pipelined requests in order', async () => {
    const client = await open();
    const requests = ['/1', '/2', '/3'].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await client.send(requests.join('')).answers(3);
    expect(client.received).to.match(/ \/1 .* \/2 .* \/3 /s);
  });

  it('answers the valid request, then the invalid bytes behind it, then closes', async () => {
    const client = await open();
    expect(await client.send(`${get}\r\nRUBBISH\r\n\r\n`).end()).to.deep.equal([200, 400]);
    expect(client.received).to.include('[GET a');
  });

  it('waits for the answer to a request in flight before it closes for invalid bytes behind it', async () => {
    const client = await open();
    client.send('GET /wait HTTP/1.1\r\nHost: a\r\n\r\nRUBBISH\r\n\r\n');
    await waitFor(() => seen.length === 1, { what: 'the request', pollMs: 5 });
    seen[0]?.respond({ status: 200, headers: [], body: 'late' });
    expect(await client.end()).to.deep.equal([200]);
    expect(client.received).to.include('late');
  });

  describe('bodies over the limit', () => {
    const large = 3_000_000;
    it('are 413 before a byte is read when declared', async () => {
      const client = await open();
      expect(await client.send(`${post}Content-Length: ${large}\r\n\r\n`).end()).to.deep.equal([413]);
      expect(client.received).to.include(`limit of ${bodyBytesMax} bytes`);
    });

    it('are 413 when declared and on their way', async () => {
      const client = await open();
      client.send(`${post}Content-Length: ${large}\r\n\r\n${'x'.repeat(large)}`);
      expect(await client.end()).to.deep.equal([413]);
      expect(client.error).to.equal(undefined);
    });

    it('are 413 at the chunk that is too much', async () => {
      const client = await open();
      const chunk = `3e8\r\n${'x'.repeat(1000)}\r\n`;
      expect(await client.send(`${chunked}\r\n${chunk}${chunk}`).end()).to.deep.equal([413]);
    });

    it('do not hold the connection longer than it lingers', async () => {
      const client = await open();
      await client.send(`${post}Content-Length: ${large}\r\n\r\n`).end();
      await waitFor(() => listener.connections.active === 0, { what: 'no connection', timeoutMs: 2_000 });
    });
  });

  describe('Expect: 100-continue', () => {
    it('is answered when the body is wanted', async () => {
      const client = await open();
      await client.send(`${post}Content-Length: 3\r\nExpect: 100-continue\r\n\r\n`).answers(1);
      expect(client.statuses).to.deep.equal([100]);
      expect(await client.send('abc').answers(2)).to.deep.equal([100, 200]);
    });

    it('is not when the body is too large', async () => {
      const client = await open();
      client.send(`${post}Content-Length: 2000\r\nExpect: 100-continue\r\n\r\n`);
      expect(await client.end()).to.deep.equal([413]);
    });

    it('is not when nobody reads the body; the connection ends, as it may or may not come', async () => {
      const client = await open();
      client.send('POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n');
      expect(await client.end()).to.deep.equal([200]);
    });
  });

  describe('time limits', () => {
    const limits = { headerTimeoutMs: 200, bodyTimeoutMs: 400, checkMs: 50, idleTimeoutMs: 150 };
    beforeEach(() => start({ limits }));

    it('end a connection whose header does not end: 408', async () => {
      const client = await open();
      expect(await client.send('GET / HTTP/1.1\r\nHo').end()).to.deep.equal([408]);
    });

    it('end a connection whose header comes byte by byte: 408', async () => {
      const client = await open();
      const timer = setInterval(() => client.send('x'), 20);
      try {
        expect(await client.send('GET / HTTP/1.1\r\nX: ').end(2_000)).to.deep.equal([408]);
      } finally {
        clearInterval(timer);
      }
    });

    it('end a connection whose body does not end: 408', async () => {
      const client = await open();
      const timer = setInterval(() => client.send('x'), 20);
      try {
        expect(await client.send(`${post}Content-Length: 900\r\n\r\nabc`).end(2_000)).to.deep.equal([408]);
      } finally {
        clearInterval(timer);
      }
      await waitFor(() => seen[0]?.clientGone === true, { what: 'the exchange knows' });
    });

    it('end a kept connection without a request, without a word', async () => {
      const client = await open();
      await client.send(`${get}\r\n`).answers(1);
      expect(await client.end(3_000)).to.deep.equal([200]);
    });

    it('do not end a request that waits for its answer', async () => {
      const client = await open();
      client.send('GET /wait HTTP/1.1\r\nHost: a\r\n\r\n');
      await waitFor(() => seen.length === 1, { what: 'the request', pollMs: 5 });
      await new Promise((resolve) => setTimeout(resolve, 700));
      seen[0]?.respond({ status: 200, headers: [], body: 'late' });
      expect(await client.answers(1)).to.deep.equal([200]);
    });
  });

  it('ends a connection after its last request', async () => {
    await start({ limits: { requestsPerConnectionMax: 2 } });
    const client = await open();
    await client.send(`${get}\r\n`).answers(1);
    expect(client.received).to.not.match(/Connection: close/i);
    expect(await client.send(`${get}\r\n`).end()).to.deep.equal([200, 200]);
    expect(client.received).to.match(/Connection: close/i);
  });

  it('processes nothing behind the last request of a connection', async () => {
    await start({ limits: { requestsPerConnectionMax: 2 } });
    const client = await open();
    expect(await client.send(`${get}\r\n`.repeat(4)).end()).to.deep.equal([200, 200]);
    expect(seen).to.have.length(2);
  });

  it('processes nothing behind an answer that left its body unread', async () => {
    const client = await open();
    const body = 'x'.repeat(100_000);
    client.send(`POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}${get}\r\n`);
    expect(await client.end()).to.deep.equal([200]);
    await waitFor(() => listener.connections.active === 0, { what: 'no connection' });
    expect(seen).to.have.length(1);
  });

  describe('a client that goes away', () => {
    it('before its body was there ends the reading', async () => {
      const client = await open();
      client.send(`${post}Content-Length: 5\r\n\r\nab`);
      await waitFor(() => seen.length === 1, { what: 'the request', pollMs: 5 });
      client.destroy();
      const failure = await seen[0]?.readBody().catch((error: unknown) => error);
      expect(failure).to.be.instanceOf(RequestError).with.property('code', 'BODY_INVALID');
      expect(seen[0]?.clientGone).to.equal(true);
    });

    it('before its answer is noticed, and the answer does no harm', async () => {
      const client = await open();
      client.send('GET /wait HTTP/1.1\r\nHost: a\r\n\r\n');
      await waitFor(() => seen.length === 1, { what: 'the request', pollMs: 5 });
      client.destroy();
      await waitFor(() => seen[0]?.clientGone === true, { what: 'the exchange knows' });
      seen[0]?.respond({ status: 200, headers: [], body: 'nobody' });
      expect(await (await open()).send(`${get}\r\n`).answers(1)).to.deep.equal([200]);
    });
  });

  describe('draining', () => {
    it('lets a request finish, says Connection: close, takes no new connection', async () => {
      const client = await open();
      client.send('GET /wait HTTP/1.1\r\nHost: a\r\n\r\n');
      await waitFor(() => seen.length === 1, { what: 'the request', pollMs: 5 });
      const drained = listener.drain();
      // What waits to be accepted is accepted first.
      await new Promise(setImmediate);
      const refused = await RawClient.open(listener.port).catch((error: unknown) => error);
      expect(refused).to.be.instanceOf(Error).with.property('code', 'ECONNREFUSED');
      seen[0]?.respond({ status: 200, headers: [], body: 'done' });
      expect(await client.end()).to.deep.equal([200]);
      expect(client.received).to.match(/Connection: close/i);
      await drained;
      expect(listener.connections.active).to.equal(0);
    });

    it('does not wait for connections without a request, new or kept', async () => {
      const silent = await open();
      const kept = await open();
      await kept.send(`${get}\r\n`).answers(1);
      await waitFor(() => listener.connections.active === 2, { what: 'both', pollMs: 5 });
      const startedMs = performance.now();
      await listener.drain();
      expect(performance.now() - startedMs).to.be.lessThan(1_000);
      await Promise.all([silent.end(), kept.end()]);
    });

    it('cuts what is left on demand, and counts it', async () => {
      const client = await open();
      client.send('GET /wait HTTP/1.1\r\nHost: a\r\n\r\n');
      await waitFor(() => seen.length === 1, { what: 'the request', pollMs: 5 });
      const drained = listener.drain();
      expect(listener.destroy()).to.equal(1);
      await drained;
    });
  });

  it('rejects when the port is taken', async () => {
    const failure = await startListener({
      listen: { host: '127.0.0.1', port: listener.port },
      handle: answer,
      bodyBytesMax,
      trustedIps: [],
    }).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error).with.property('code', 'EADDRINUSE');
  });

  describe('trusted addresses', () => {
    const forwarded = `${get}X-Forwarded-For: 10.1.1.1, 192.0.2.7\r\nX-Forwarded-For: 10.0.0.9\r\nX-Forwarded-Proto: https\r\n\r\n`;

    it('are believed', async () => {
      await start({ trustedIps: ['127.0.0.1', '10.0.0.0/24'] });
      await (await open()).send(forwarded).answers(1);
      expect(seen[0]?.clientAddress).to.equal('192.0.2.7');
      expect(seen[0]?.protocol).to.equal('https');
    });

    for (const trustedIps of [[], ['10.0.0.0/8']]) {
      it(`others are not (${trustedIps.join() || 'none'})`, async () => {
        await start({ trustedIps });
        await (await open()).send(forwarded).answers(1);
        expect(seen[0]?.clientAddress).to.equal('127.0.0.1');
        expect(seen[0]?.protocol).to.equal('http');
      });
    }
  });
});
