import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import type { OpenExchange } from '../../../data-plane/plugin-api/exchange.ts';
import { type Listener, type ListenerOptions, startListener } from '../../../data-plane/proxy/listener.ts';
import { RequestError } from '../../../shared/errors.ts';
import { Closing } from '../../helpers/closing.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { RawClient } from './raw-http.ts';
import { block, frame, frameFlags, frameTypes, goodFields, preface, settings, uint32 } from './raw-http2.ts';

interface Received {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly trailers: IncomingHttpHeaders;
  readonly rstCode: number | undefined;
}

const nghttp2Minor = Number(process.versions['nghttp2']?.split('.')[1]);

describe('HTTP/2 on a listener', function () {
  this.timeout(30_000);
  const closing = new Closing();
  let listener: Listener;
  let seen: OpenExchange[];
  let hits: string[];
  let refused: number[];

  /** `/wait` is not answered, `/unread` without reading, everything else with what was understood. */
  function answer(exchange: OpenExchange): void {
    seen.push(exchange);
    const { method, host, port, path, query, protocol } = exchange;
    if (path === '/wait') return;
    const say = (status: number, body: string) => exchange.respond({ status, headers: ['X-A', '1', 'X-A', '2'], body });
    if (path === '/unread') return say(200, 'unread');
    exchange.readBody().then(
      (body) => say(200, `[${method} ${host} ${port} ${path} ${query} ${protocol} ${body.length}]`),
      (error: unknown) => say(error instanceof RequestError ? error.status : 500, String(error)),
    );
  }

  async function start(options: Partial<ListenerOptions> = {}): Promise<void> {
    seen = [];
    hits = [];
    refused = [];
    listener = await startListener({
      listen: { host: '127.0.0.1', port: 0 },
      handle: answer,
      bodyBytesMax: 1_000,
      trustedIps: [],
      onLimit: (limit) => void hits.push(limit),
      onRefused: (status) => void refused.push(status),
      ...options,
      limits: { lingerMs: 200, checkMs: 50, drainIdleMs: 200, ...options.limits },
    });
    const started = listener;
    closing.add(async () => {
      const ended = started.drain();
      started.destroy();
      await ended;
    });
  }

  function open(): ClientHttp2Session {
    const session = connect(`http://127.0.0.1:${listener.port}`);
    session.on('error', () => undefined);
    closing.add(() => session.destroy());
    return session;
  }

  async function request(
    session: ClientHttp2Session,
    headers: OutgoingHttpHeaders,
    body?: string | Buffer,
  ): Promise<Received> {
    const stream = session.request(headers, { endStream: body === undefined });
    const received = { status: undefined as number | undefined, headers: {}, body: '', trailers: {} };
    stream.on('response', (fields) => Object.assign(received, { status: fields[':status'], headers: fields }));
    stream.on('data', (chunk: Buffer) => (received.body += chunk.toString()));
    stream.on('trailers', (trailers) => Object.assign(received, { trailers }));
    stream.on('error', () => undefined);
    if (body !== undefined) stream.end(body);
    await closed(stream);
    return { ...received, rstCode: stream.rstCode };
  }

  /** Waits for the end of a stream, whatever it is. */
  async function closed(stream: ClientHttp2Stream): Promise<void> {
    await waitFor(() => stream.destroyed, { what: 'the end of the stream', pollMs: 1 });
  }

  const post = { ':method': 'POST', ':path': '/a/../b?c=d' };

  beforeEach(() => start());
  afterEach(() => closing.close());

  it('shares the port with HTTP/1.1, and both are understood alike', async () => {
    const { status, headers, body } = await request(open(), post, 'abc');
    expect(status).to.equal(200);
    expect(body).to.equal(`[POST 127.0.0.1 ${listener.port} /b c=d http 3]`);
    expect(headers['x-request-id']).to.match(/^[0-9a-f]{32}$/);
    expect(headers['x-a']).to.equal('1, 2');
    const http1 = await RawClient.open(listener.port);
    closing.add(() => http1.destroy());
    http1.send(`POST /a/../b?c=d HTTP/1.1\r\nHost: 127.0.0.1:${listener.port}\r\nContent-Length: 3\r\n\r\nabc`);
    await http1.answers(1);
    expect(http1.received).to.contain(body);
  });

  it('is told from HTTP/1.1 when its first bytes come one by one', async () => {
    for (const [text, what] of [
      ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', '\0\0'],
      ['PUT /b HTTP/1.1\r\nHost: a\r\n\r\n', 'HTTP/1.1 200'],
    ] as const) {
      const client = await RawClient.open(listener.port);
      closing.add(() => client.destroy());
      client.socket.setNoDelay();
      for (const char of text) {
        client.send(char);
        await new Promise(setImmediate);
      }
      await waitFor(() => client.received.length > 9, { what: 'an answer' });
      expect(client.received.slice(0, what.length)).to.equal(what);
    }
  });

  it('closes a connection that says nothing', async () => {
    await start({ limits: { handshakeTimeoutMs: 100 } });
    const client = await RawClient.open(listener.port);
    closing.add(() => client.destroy());
    await client.send('PRI').end(2_000);
    expect(hits).to.deep.equal(['handshake_timeout']);
  });

  const heads: readonly [what: string, headers: OutgoingHttpHeaders, status: number, limit?: string][] = [
    ['a fragment in the target', { ':path': '/a#b' }, 400],
    ['a method in lower case', { ':method': 'get', ':path': '/' }, 400],
    ['another host than the authority', { ':path': '/', ':authority': 'a', host: 'other' }, 400],
    ['an over-long authority', { ':path': '/', ':authority': 'a.'.repeat(200) }, 400],
    ['40 KiB of headers', { ':path': '/', x: 'x'.repeat(40_000) }, 431, 'header_bytes_max'],
    [
      '300 headers',
      { ':path': '/', ...Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`x-${index}`, ''])) },
      431,
      'headers_max',
    ],
  ];
  for (const [what, headers, status, limit] of heads) {
    it(`refuses ${what} with ${status}, and goes on over the same connection`, async () => {
      const session = open();
      const answered = await request(session, headers);
      expect(answered.status).to.equal(status);
      expect(answered.headers['x-request-id']).to.match(/^[0-9a-f]{32}$/);
      expect(refused).to.deep.equal([status]);
      expect(hits).to.deep.equal(limit === undefined ? [] : [limit]);
      expect(seen).to.deep.equal([]);
      expect((await request(session, post, '')).status).to.equal(200);
    });
  }

  for (const [what, headers] of [
    ['a target that is no path', { ':path': 'a' }],
    ['an authority that is none', { ':path': '/', ':authority': 'a/b' }],
  ] as const) {
    it(`resets the stream of ${what}, which breaks the protocol`, async () => {
      const { status, rstCode } = await request(open(), headers);
      expect([status, rstCode]).to.deep.equal([undefined, constants.NGHTTP2_PROTOCOL_ERROR]);
      expect(seen).to.deep.equal([]);
    });
  }

  it('joins the pieces of a cookie, and shows the authority as host', async () => {
    await request(open(), { ':path': '/', cookie: ['a=1', 'b=2'] });
    expect(seen[0]?.headers.all('cookie')).to.deep.equal(['a=1; b=2']);
    expect(seen[0]?.headers.get('host')).to.equal(`127.0.0.1:${listener.port}`);
    expect([...(seen[0]?.headers.entries() ?? [])].some(([name]) => name.startsWith(':'))).to.equal(false);
  });

  for (const [type, protocol] of [
    ['application/grpc', 'grpc'],
    ['application/grpc+proto', 'grpc'],
    ['application/grpc;x=y', 'grpc'],
    ['application/grpc-web', 'http'],
    ['application/json', 'http'],
  ]) {
    it(`calls ${type} ${protocol}`, async () => {
      const message = Buffer.from([0, 0, 0, 0, 3, 0x61, 0x62, 0x63]);
      await request(open(), { ...post, 'content-type': type }, message);
      expect(seen.map((exchange) => exchange.protocol)).to.deep.equal([protocol]);
    });
  }

  describe('bodies', () => {
    it('over the limit are 413, declared or not, and the stream is closed without an error', async () => {
      const session = open();
      const large = Buffer.alloc(300_000);
      for (const length of [{}, { 'content-length': large.length }]) {
        const { status, rstCode } = await request(session, { ...post, ...length }, large);
        expect(status).to.equal(413);
        expect(rstCode).to.equal(constants.NGHTTP2_NO_ERROR);
      }
      expect((await request(session, post, '')).status).to.equal(200);
    });

    it('that nobody reads do not hold the stream', async () => {
      const session = open();
      const { status } = await request(session, { ':method': 'POST', ':path': '/unread' }, Buffer.alloc(200_000));
      expect(status).to.equal(200);
      session.close();
      await waitFor(() => listener.connections.active === 0, { what: 'the end of the connection' });
    });

    it('that do not come in time are 408', async () => {
      await start({ limits: { bodyTimeoutMs: 150 } });
      const stream = open().request(post);
      stream.on('error', () => undefined).resume();
      stream.write('abc');
      const [fields] = (await once(stream, 'response')) as [IncomingHttpHeaders];
      expect(fields[':status']).to.equal(408);
      expect(hits).to.deep.equal(['body_timeout']);
    });

    it('that stream to a service may take longer than body_timeout while they come', async () => {
      await start({
        limits: { bodyTimeoutMs: 150 },
        handle(exchange) {
          const body = exchange.openBody();
          if (!(body instanceof Readable)) throw new Error('no stream');
          body.resume().once('end', () => exchange.respond({ status: 200, headers: [], body: '' }));
        },
      });
      const stream = open().request(post);
      stream.on('error', () => undefined).resume();
      for (let piece = 0; piece < 6; piece += 1) {
        stream.write('x');
        await delay(60);
      }
      expect(hits).to.deep.equal([]);
      const [fields] = (await once(stream, 'response')) as [IncomingHttpHeaders];
      expect(fields[':status'], 'nothing came for too long').to.equal(408);
      expect(hits).to.deep.equal(['body_timeout']);
    });

    for (const [what, bytes] of [
      ['few bytes', 3],
      ['more bytes than anybody took', 200_000],
    ] as const) {
      it(`that stream are not complete, and no error is left unheard, when the client goes away after ${what}`, async () => {
        let body: Readable | undefined;
        let hasEnded = false;
        await start({
          handle(exchange) {
            const opened = exchange.openBody();
            if (!(opened instanceof Readable)) throw new Error('no stream');
            body = opened;
            opened.once('end', () => (hasEnded = true));
            // Nobody listens for errors: one that is not heard would end the process, and this test with it.
            if (bytes < 1_000) opened.resume();
          },
        });
        const session = open();
        const stream = session.request(post);
        stream.on('error', () => undefined);
        stream.write(Buffer.alloc(bytes));
        await waitFor(() => body !== undefined && (bytes < 1_000 || body.readableLength > 0), { what: 'the request' });
        session.destroy();
        await waitFor(() => body?.destroyed === true, { what: 'the end of the body' });
        expect(body?.errored).to.be.an('error');
        expect(hasEnded).to.equal(false);
      });
    }

    it('of a stream that is reset without an error are not complete', async () => {
      let failure: unknown;
      await start({
        handle(exchange) {
          seen.push(exchange);
          exchange.readBody().then(
            () => (failure = 'complete'),
            (error: unknown) => (failure = error),
          );
        },
      });
      // A client of node:http2 would end the stream before.
      const client = await RawClient.open(listener.port);
      closing.add(() => client.destroy());
      const head = frame(frameTypes.headers, frameFlags.endHeaders, 1, block(goodFields));
      client.send(Buffer.concat([preface, settings(), head, frame(frameTypes.data, 0, 1, 'abc')]));
      await waitFor(() => seen.length === 1, { what: 'the request' });
      client.send(frame(frameTypes.reset, 0, 1, uint32(constants.NGHTTP2_NO_ERROR)));
      await waitFor(() => failure !== undefined, { what: 'the end of the body' });
      expect(failure).to.be.instanceOf(RequestError);
    });

    it('are asked for where the client waits', async () => {
      const stream = open().request({ ...post, expect: '100-continue' });
      await once(stream, 'continue');
      stream.end('abc');
      const [fields] = (await once(stream, 'response')) as [IncomingHttpHeaders];
      expect(fields[':status']).to.equal(200);
    });
  });

  it('answers with streams and trailers, without headers of a connection', async () => {
    await start({
      handle: (exchange) =>
        exchange.respond({
          status: 200,
          headers: ['Connection', 'close', 'Keep-Alive', '1', 'X-B', 'b'],
          body: Readable.from(['one ', 'two']),
          trailers: () => ['X-Sum', '7'],
        }),
    });
    const { body, headers, trailers } = await request(open(), { ':path': '/' });
    expect(body).to.equal('one two');
    expect(headers).to.include({ 'x-b': 'b' }).and.not.have.any.keys('connection', 'keep-alive');
    expect(trailers).to.include({ 'x-sum': '7' });
  });

  it('answers HEAD with the length and without the body', async () => {
    const { status, headers, body } = await request(open(), { ':method': 'HEAD', ':path': '/unread' });
    expect([status, headers['content-length'], body]).to.deep.equal([200, '6', '']);
  });

  it('tells of a client that resets its stream', async () => {
    const stream = open().request({ ':path': '/wait' });
    await waitFor(() => seen.length === 1, { what: 'the request' });
    let isGone = false;
    seen[0]?.onGone(() => (isGone = true));
    stream.close(constants.NGHTTP2_CANCEL);
    await waitFor(() => isGone, { what: 'the end' });
    expect(seen[0]?.clientGone).to.equal(true);
    seen[0]?.respond({ status: 200, headers: [], body: 'nobody' });
  });

  describe('bounds', () => {
    it('counts a stream that its client reset as open until it is answered', async () => {
      await start({ limits: { http2StreamsMax: 5 } });
      const session = open();
      for (let count = 0; count < 5; count += 1) {
        const stream = session.request({ ':path': '/wait' });
        stream.on('error', () => undefined);
        await waitFor(() => seen.length === count + 1, { what: 'the request', pollMs: 1 });
        stream.close(constants.NGHTTP2_CANCEL);
        await closed(stream);
      }
      const refusedOne = await request(session, post, 'a');
      expect(refusedOne.rstCode).to.equal(constants.NGHTTP2_REFUSED_STREAM);
      expect(hits).to.deep.equal(['http2_streams_max']);
      seen[0]?.respond({ status: 200, headers: [], body: '' });
      expect((await request(session, post, 'a')).status).to.equal(200);
    });

    it('closes a connection without a stream after idle_timeout', async () => {
      await start({ limits: { idleTimeoutMs: 150 } });
      const session = open();
      await request(session, post, 'a');
      await once(session, 'close');
      expect(hits).to.deep.equal(['idle_timeout']);
    });

    it('cuts a client that opens no window for its answer', async () => {
      await start({
        handle: (exchange) => exchange.respond({ status: 200, headers: [], body: 'x'.repeat(2_000_000) }),
        limits: { sendTimeoutMs: 200 },
      });
      const session = open();
      const stream = session.request({ ':path': '/' });
      stream.on('error', () => undefined).pause();
      await once(session, 'close');
      expect(hits).to.deep.equal(['send_timeout']);
    });
  });

  describe('a client that makes work without requests', () => {
    const beginning = preface.toString('latin1') + settings().toString('latin1');
    const frameText = (...parts: Parameters<typeof frame>) => frame(...parts).toString('latin1');
    /** GET / with an authority, in indexed and literal fields of HPACK. */
    const getHead = '\x82\x86\x84\x41\x01a';
    const headersOf = (index: number) => frameText(1, 5, 2 * index + 1, getHead);
    const resetOf = (index: number) => frameText(3, 0, 2 * index + 1, '\0\0\0\x08');
    const many = (count: number, make: (index: number) => string) => Array.from({ length: count }, (_, i) => make(i));

    const attacks: readonly [what: string, limit: string, frames: (count: number) => string[], most: number][] = [
      ['resets', 'http2_resets_max', (count) => many(count, (index) => headersOf(index) + resetOf(index)), 200],
      ['SETTINGS', 'http2_settings_max', (count) => many(count, () => settings().toString('latin1')), 49],
      ['PING', 'http2_pings_max', (count) => many(count, () => frameText(6, 0, 0, '12345678')), 50],
      [
        'PRIORITY',
        'http2_priorities_max',
        (count) => many(count, (i) => frameText(2, 0, 2 * i + 1, '\0\0\0\0\x01')),
        50,
      ],
    ];
    /** The error code of the first GOAWAY frame with one. */
    const goawayCode = (received: string): number | undefined => {
      const bytes = Buffer.from(received, 'latin1');
      for (let at = 0; at + 17 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
        if (bytes[at + 3] === 7) return bytes.readUInt32BE(at + 13);
      }
      return undefined;
    };

    for (const [what, limit, frames, most] of attacks) {
      it(`is ended with ENHANCE_YOUR_CALM over its budget of ${what}`, async function () {
        // Newer nghttp2 (seen with 1.69 in Node.js 22.23 and 1.70 in 24.21) drops PRIORITY frames unseen: they cost nothing.
        if (what === 'PRIORITY' && nghttp2Minor > 61) this.skip();
        await start({ limits: { http2StreamsMax: 1_000 } });
        const client = await RawClient.open(listener.port);
        closing.add(() => client.destroy());
        client.send(Buffer.from(beginning + frames(most * 2).join(''), 'latin1'));
        await client.end();
        expect(goawayCode(client.received)).to.equal(constants.NGHTTP2_ENHANCE_YOUR_CALM);
        expect(hits).to.include(limit);
      });

      it(`is served within its budget of ${what}`, async () => {
        await start({ limits: { http2StreamsMax: 1_000 } });
        const client = await RawClient.open(listener.port);
        closing.add(() => client.destroy());
        client.send(Buffer.from(beginning + frames(most - 2).join(''), 'latin1'));
        const before = seen.length;
        client.send(Buffer.from(headersOf(1_000), 'latin1'));
        await waitFor(() => seen.length > before, { what: 'the request' });
        expect(hits).to.deep.equal([]);
        expect(goawayCode(client.received)).to.equal(undefined);
      });
    }

    it('is ended for CONTINUATION frames without an end', async () => {
      const client = await RawClient.open(listener.port);
      closing.add(() => client.destroy());
      const open = frameText(1, 1, 1, getHead);
      client.send(Buffer.from(beginning + open + many(50, () => frameText(9, 0, 1, '')).join(''), 'latin1'));
      await client.end();
      expect(goawayCode(client.received)).to.be.a('number').and.not.equal(0);
      expect(seen).to.deep.equal([]);
    });
  });

  describe('draining', () => {
    it('says GOAWAY twice, serves streams that begin before the second, and finishes those under way', async () => {
      const session = open();
      const lasts: number[] = [];
      session.on('goaway', (_code, last) => lasts.push(last));
      const waiting = request(session, { ':path': '/wait' });
      await waitFor(() => seen.length === 1, { what: 'the request' });
      const drained = listener.drain();
      const begun = request(session, post, 'abc');
      expect((await begun).status).to.equal(200);
      await waitFor(() => lasts.length > 0, { what: 'GOAWAY' });
      expect(lasts[0]).to.equal(2 ** 31 - 1);
      await waitFor(() => lasts.length > 1, { what: 'the second GOAWAY' });
      expect(lasts[1]).to.equal(3);
      seen[0]?.respond({ status: 200, headers: [], body: 'late' });
      expect((await waiting).body).to.equal('late');
      await drained;
    });
  });
});
