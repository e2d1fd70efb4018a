import { once } from 'node:events';
import { constants, createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { createServer as createTcp, type AddressInfo, type Server } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import { Cancellation } from '../../../data-plane/forward/cancellation.ts';
import { attemptGrpc, type GrpcAttempt } from '../../../data-plane/forward/grpc-attempt.ts';
import { GrpcSessions } from '../../../data-plane/forward/grpc-sessions.ts';
import type { AttemptFailure, UpstreamAnswer } from '../../../data-plane/forward/http-attempt.ts';
import { ReplayBody } from '../../../data-plane/forward/replay-body.ts';
import type { Endpoint } from '../../../data-plane/upstreams/endpoint.ts';
import { Closing } from '../../helpers/closing.ts';
import { freePort } from '../../helpers/free-port.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { makeEndpoint } from '../upstreams/endpoints.ts';

type Serve = (
  stream: ServerHttp2Stream,
  headers: Readonly<Record<string, unknown>>,
  session: ServerHttp2Session,
) => void;

describe('attemptGrpc', () => {
  const closing = new Closing();
  afterEach(() => closing.close());
  let sessions: ServerHttp2Session[];
  let pool: GrpcSessions;
  let endpoint: Endpoint;

  async function listen(server: Server | Http2Server): Promise<void> {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    closing.add(() => server.close());
    endpoint = makeEndpoint('127.0.0.1', (server.address() as AddressInfo).port);
    pool = new GrpcSessions({ tls: null });
    closing.add(() => pool.close());
  }

  async function serve(handle: Serve, settings: object = {}): Promise<void> {
    sessions = [];
    const server = createServer({ settings });
    server.on('session', (session) => {
      sessions.push(session);
      closing.add(() => session.destroy());
      session.on('error', () => undefined);
    });
    server.on('stream', (stream, headers) => {
      stream.on('error', () => undefined);
      if (stream.session instanceof Object) handle(stream, headers, stream.session as ServerHttp2Session);
    });
    await listen(server);
  }

  const attempt = (options: Partial<GrpcAttempt> = {}) =>
    attemptGrpc({
      slot: (authority) => pool.to(endpoint, authority, 300),
      method: 'POST',
      path: '/shop.Orders/Get',
      host: 'orders.example.com',
      headers: [
        'Host',
        'orders.example.com',
        'content-type',
        'application/grpc',
        'te',
        'trailers',
        'x-twice',
        '1',
        'x-twice',
        '2',
      ],
      body: new ReplayBody(Readable.from([Buffer.from('question')])),
      idleMs: 5_000,
      deadlineMs: undefined,
      cancellation: new Cancellation(),
      ...options,
    });
  async function answered(options: Partial<GrpcAttempt> = {}): Promise<UpstreamAnswer> {
    const result = await attempt(options);
    if (result.kind !== 'answered') throw new Error(JSON.stringify(result));
    return result.answer;
  }
  async function failed(options: Partial<GrpcAttempt> = {}): Promise<AttemptFailure> {
    const result = await attempt(options);
    if (result.kind !== 'failed') throw new Error(result.kind);
    return result.failure;
  }
  async function whole(answer: UpstreamAnswer) {
    const { body } = answer;
    const bytes = Buffer.isBuffer(body) ? body : await buffer(body);
    return { body: String(bytes), trailers: answer.trailers() };
  }
  /** Echoes the body, with status 0 in the trailers. */
  const echo: Serve = (stream) => {
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'x-pair': ['a', 'b'] },
      { waitForTrailers: true },
    );
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'x-trailer': 'last' }));
    stream.pipe(stream);
  };

  it('streams a call both ways, with its headers and trailers', async () => {
    let seen: Readonly<Record<string, unknown>> = {};
    await serve((stream, headers, session) => {
      seen = headers;
      echo(stream, headers, session);
    });
    const body = new PassThrough();
    const answer = await answered({ body: new ReplayBody(body) });
    expect(answer.status).to.equal(200);
    expect(answer.headers.join()).to.include('x-pair,a,x-pair,b');
    expect(seen).to.include({ ':path': '/shop.Orders/Get', ':authority': 'orders.example.com', te: 'trailers' });
    expect(seen).to.include({ 'x-twice': '1, 2' }).and.not.have.property('host');
    const { body: stream } = answer;
    if (Buffer.isBuffer(stream)) throw new Error('no stream');
    // A bidirectional call: an answer to one message before the next is sent.
    for (const message of ['one', 'two']) {
      body.write(message);
      expect(String((await once(stream, 'data'))[0])).to.equal(message);
    }
    body.end();
    await once(stream.resume(), 'end');
    expect(answer.trailers()).to.deep.equal(['grpc-status', '0', 'x-trailer', 'last']);
  });

  it('gives an answer of trailers alone', async () => {
    await serve((stream) => {
      stream.respond({ ':status': 200, 'grpc-status': '5', 'grpc-message': 'none' }, { endStream: true });
    });
    const answer = await answered();
    expect(answer.headers.join()).to.include('grpc-status,5,grpc-message,none');
    expect(await whole(answer)).to.deep.equal({ body: '', trailers: [] });
  });

  it('uses one connection for many calls, and another when its streams are used up', async () => {
    await serve(echo, { maxConcurrentStreams: 10 });
    await whole(await answered());
    await Promise.all(Array.from({ length: 9 }, async () => whole(await answered())));
    expect(sessions).to.have.length(1);
    const open = Array.from({ length: 15 }, () => new PassThrough());
    const answers = await Promise.all(open.map((body) => answered({ body: new ReplayBody(body) })));
    expect(sessions).to.have.length(2);
    for (const body of open) body.end();
    for (const answer of answers) expect((await whole(answer)).trailers).to.include('grpc-status');
  });

  it('leaves a connection that says GOAWAY, and repeats a call that was not taken', async () => {
    let calls = 0;
    await serve((stream, headers, session) => {
      calls += 1;
      if (calls === 2) {
        session.goaway(constants.NGHTTP2_NO_ERROR, 1);
        stream.close(constants.NGHTTP2_REFUSED_STREAM);
      } else echo(stream, headers, session);
    });
    await whole(await answered());
    expect(await whole(await answered())).to.deep.include({ body: 'question' });
    expect([calls, sessions.length]).to.deep.equal([3, 2]);
    expect(await whole(await answered())).to.deep.include({ body: 'question' });
    expect(sessions).to.have.length(2);
  });

  it('ends the call at the endpoint when the client cancels, before and behind the head', async () => {
    const codes: (number | undefined)[] = [];
    await serve((stream, headers) => {
      stream.once('close', () => codes.push(stream.rstCode));
      if (headers['x-twice'] !== undefined) return;
      stream.respond({ ':status': 200 });
      stream.write('part');
    });
    const early = new Cancellation();
    const result = failed({ cancellation: early, body: new ReplayBody(new PassThrough()) });
    await waitFor(() => sessions.length === 1, { what: 'the call' });
    setImmediate(() => early.cancel());
    expect((await result).reason).to.equal('aborted');
    const late = new Cancellation();
    const answer = await answered({ cancellation: late, headers: [], body: new ReplayBody(new PassThrough()) });
    late.cancel();
    await whole(answer);
    await waitFor(() => codes.length > 0, { what: 'the reset' });
    expect(new Set(codes)).to.deep.equal(new Set([constants.NGHTTP2_CANCEL]));
  });

  it('ends an answer that breaks off with UNAVAILABLE, so that it cannot look whole', async () => {
    await serve((stream) => {
      stream.respond({ ':status': 200 });
      stream.write('part', () => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    });
    const { body, trailers } = await whole(await answered());
    expect(body).to.equal('part');
    expect(trailers.join()).to.match(/^grpc-status,14,grpc-message,The upstream server broke off \(\w+\)$/);
  });

  it('waits for read_timeout without a byte, and for the deadline of the call', async () => {
    let timeout: unknown;
    await serve((_stream, headers) => {
      timeout = headers['grpc-timeout'];
    });
    expect(await failed({ idleMs: 100 })).to.include({ reason: 'timeout', mayHaveReached: true });
    expect(await failed({ deadlineMs: performance.now() + 100 })).to.include({ reason: 'deadline' });
    expect(timeout).to.match(/^\d{1,2}m$/);
  });

  it('tells what is not there, what is silent, and what is no HTTP/2', async () => {
    await serve(echo);
    endpoint = makeEndpoint('127.0.0.1', await freePort());
    expect(await failed()).to.include({ reason: 'refused', mayHaveReached: false });
    await listen(
      createTcp((socket) => void socket.on('error', () => undefined).end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    );
    expect((await failed()).reason).to.equal('broken');
  });

  it('hands on a large answer no faster than it is taken', async () => {
    let sent = 0;
    await serve((stream) => {
      stream.respond({ ':status': 200 });
      const source = Readable.from(
        (function* () {
          for (let piece = 0; piece < 400; piece += 1) {
            sent += 50_000;
            yield Buffer.alloc(50_000);
          }
        })(),
      );
      source.pipe(stream);
    });
    const answer = await answered();
    const { body } = answer;
    if (Buffer.isBuffer(body)) throw new Error('no stream');
    await once(body, 'readable');
    await waitFor(
      async () => {
        const before = sent;
        await new Promise((resolve) => setTimeout(resolve, 50));
        return sent === before;
      },
      { what: 'the endpoint to wait' },
    );
    expect(sent).to.be.lessThan(5_000_000);
    expect(await buffer(body)).to.have.length(20_000_000);
  });
});
