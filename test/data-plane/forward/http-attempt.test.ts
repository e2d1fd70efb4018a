import { createServer as createHttp, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTcp, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import { Connections } from '../../../data-plane/forward/connections.ts';
import { type AttemptResult, attemptHttp, type HttpAttempt } from '../../../data-plane/forward/http-attempt.ts';
import { Cancellation } from '../../../data-plane/forward/cancellation.ts';
import { Closing } from '../../helpers/closing.ts';
import { makeEndpoint } from '../upstreams/endpoints.ts';
import { freePort } from '../../helpers/free-port.ts';

describe('attemptHttp', () => {
  const closing = new Closing();
  afterEach(() => closing.close());

  async function listen(server: Server): Promise<number> {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    closing.add(() => server.close());
    return (server.address() as AddressInfo).port;
  }
  const serve = (listener: RequestListener) => listen(createHttp(listener));
  /** A server that handles each connection by itself. */
  const serveRaw = (handle: (socket: Socket) => void) =>
    listen(
      createTcp((socket) => {
        socket.on('error', () => undefined);
        closing.add(() => socket.destroy());
        handle(socket);
      }),
    );

  function attempt(
    port: number,
    options: Partial<HttpAttempt> & { readTimeoutMs?: number } = {},
  ): Promise<AttemptResult> {
    const connections = new Connections({
      protocol: 'http',
      connectTimeoutMs: 1_000,
      readTimeoutMs: options.readTimeoutMs ?? 5_000,
      tls: null,
    });
    closing.add(() => connections.close());
    return attemptHttp({
      dispatcher: connections.to(makeEndpoint('127.0.0.1', port)),
      method: 'GET',
      path: '/',
      headers: ['Host', 'example.com'],
      body: null,
      writeTimeoutMs: 5_000,
      cancellation: new Cancellation(),
      ...options,
    });
  }
  async function answered(port: number, options: Partial<HttpAttempt> = {}) {
    const result = await attempt(port, options);
    if (result.kind !== 'answered') throw new Error(JSON.stringify(result));
    return result.answer;
  }
  async function failed(port: number, options: Partial<HttpAttempt> & { readTimeoutMs?: number } = {}) {
    const result = await attempt(port, options);
    if (result.kind !== 'failed') throw new Error(result.kind);
    return result.failure;
  }
  const bytesOf = (body: Buffer | Readable) => (Buffer.isBuffer(body) ? body : buffer(body));

  it('sends method, path and headers as they are, and gives the answer as received', async () => {
    const seen: IncomingMessage[] = [];
    const port = await serve((request, response) => {
      seen.push(request);
      response.writeHead(201, ['X-Mixed-Case', 'ä', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']).end('made');
    });
    const answer = await answered(port, {
      method: 'PURGE',
      path: '/a%2Fb?x=1',
      headers: ['Host', 'h', 'X-One', '1', 'X-One', '2'],
    });
    expect(seen[0]?.method).to.equal('PURGE');
    expect(seen[0]?.url).to.equal('/a%2Fb?x=1');
    expect(seen[0]?.headers.host).to.equal('h');
    expect(seen[0]?.rawHeaders.slice(-4)).to.deep.equal(['X-One', '1', 'X-One', '2']);
    expect(answer.status).to.equal(201);
    expect(answer.headers.slice(0, 6)).to.deep.equal(['X-Mixed-Case', 'ä', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']);
    expect(String(await bytesOf(answer.body))).to.equal('made');
  });

  it('gives a short body whole and a long one as a stream', async () => {
    const port = await serve((request, response) => {
      response.end(request.url === '/short' ? 'short' : Buffer.alloc(300_000, 'x'));
    });
    const short = await answered(port, { path: '/short' });
    expect(Buffer.isBuffer(short.body)).to.equal(true);
    const long = await answered(port, { path: '/long' });
    expect(long.body).to.be.instanceOf(Readable);
    expect(await bytesOf(long.body)).to.have.length(300_000);
  });

  it('streams a body of the client, with its length or in chunks', async () => {
    const port = await serve((request, response) => {
      void buffer(request).then((body) =>
        response.end(`${request.headers['transfer-encoding'] ?? 'length'} ${body.length}`),
      );
    });
    const stream = () => Readable.from([Buffer.alloc(70_000), Buffer.alloc(30_000)]);
    const declared = await answered(port, { method: 'POST', headers: ['Content-Length', '100000'], body: stream() });
    expect(String(await bytesOf(declared.body))).to.equal('length 100000');
    const chunked = await answered(port, { method: 'POST', body: stream() });
    expect(String(await bytesOf(chunked.body))).to.equal('chunked 100000');
  });

  it('holds the upstream back while nobody reads the answer', async () => {
    let written = 0;
    const port = await serve((_request, response) => {
      const write = () => {
        while (written < 64 * 1024 * 1024) {
          written += 65_536;
          if (!response.write(Buffer.alloc(65_536))) {
            response.once('drain', write);
            return;
          }
        }
        response.end();
      };
      write();
    });
    const { body } = await answered(port);
    if (Buffer.isBuffer(body)) throw new Error('not a stream');
    await once(body, 'readable');
    const before = written;
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    expect(written).to.be.below(64 * 1024 * 1024);
    expect(written).to.be.at.least(before);
    body.destroy();
  });

  it('gives trailers once the body has ended', async () => {
    const port = await serve((_request, response) => {
      response.writeHead(200, { trailer: 'X-Sum' });
      response.write(Buffer.alloc(200_000));
      response.addTrailers([['X-Sum', '42']]);
      response.end();
    });
    const answer = await answered(port);
    await bytesOf(answer.body);
    expect(answer.trailers()).to.deep.equal(['X-Sum', '42']);
  });

  it('passes 103 Early Hints on before the answer', async () => {
    const port = await serve((_request, response: ServerResponse) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' }, () => response.end('page'));
    });
    const hints: unknown[] = [];
    const answer = await answered(port, { onInformation: (status, headers) => hints.push([status, ...headers]) });
    expect(hints).to.deep.equal([[103, 'Link', '</style.css>; rel=preload']]);
    expect(answer.status).to.equal(200);
  });

  it('HEAD and 304 have no body, whatever their length says', async () => {
    const port = await serve((request, response) => {
      response.writeHead(request.method === 'HEAD' ? 200 : 304, { 'content-length': '1000' }).end();
    });
    const head = await answered(port, { method: 'HEAD' });
    expect(await bytesOf(head.body)).to.have.length(0);
    expect(head.headers.join()).to.include('1000');
    expect(await bytesOf((await answered(port)).body)).to.have.length(0);
  });

  it('gives an early answer though the request body is not complete', async () => {
    const port = await serve((_request, response) => response.writeHead(413, { connection: 'close' }).end('too large'));
    const body = new PassThrough();
    body.write('beginning');
    const answer = await answered(port, { method: 'POST', body });
    expect(answer.status).to.equal(413);
    body.destroy();
  });

  it('fails with the reason where nothing answers', async () => {
    const refused = await failed(await freePort());
    expect(refused).to.include({ reason: 'refused', mayHaveReached: false });
    const hangsUp = await serveRaw((socket) => socket.once('data', () => socket.destroy()));
    expect(await failed(hangsUp)).to.include({ reason: 'broken', mayHaveReached: true });
    const silent = await serveRaw(() => undefined);
    expect(await failed(silent, { readTimeoutMs: 200 })).to.include({ reason: 'timeout', mayHaveReached: true });
    const rubbish = await serveRaw((socket) => socket.once('data', () => socket.end('SSH-2.0-OpenSSH\r\n')));
    expect(await failed(rubbish)).to.include({ reason: 'broken', mayHaveReached: true });
  });

  it('fails when the endpoint takes nothing of the body for the write time-out', async () => {
    const port = await serveRaw((socket) => socket.pause());
    const body = new Readable({
      read() {
        this.push(Buffer.alloc(65_536));
      },
    });
    expect(await failed(port, { method: 'POST', body, writeTimeoutMs: 200 })).to.include({ reason: 'timeout' });
    body.destroy();
  });

  it('destroys the body when the upstream breaks off in its middle', async () => {
    for (const head of ['Content-Length: 100000', 'Transfer-Encoding: chunked']) {
      const port = await serveRaw((socket) => {
        socket.once('data', () => {
          socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n${head.startsWith('T') ? '5\r\nhello\r\n' : 'hello'}`);
          setImmediate(() => socket.destroy());
        });
      });
      const { body } = await answered(port);
      const error = await Promise.resolve(bytesOf(body)).catch((caught: unknown) => caught);
      expect(error, head).to.be.instanceOf(Error);
    }
  });

  it('ends the upstream request when it is aborted, and when the answer is no longer read', async () => {
    const closed: string[] = [];
    const port = await serve((request, response) => {
      request.socket.on('close', () => closed.push(request.url ?? ''));
      if (request.url === '/body') response.write('beginning');
    });
    const cancellation = new Cancellation();
    const waiting = failed(port, { path: '/wait', cancellation });
    setTimeout(() => cancellation.cancel(), 50);
    expect(await waiting).to.include({ reason: 'aborted' });
    const { body } = await answered(port, { path: '/body' });
    if (Buffer.isBuffer(body)) throw new Error('not a stream');
    body.destroy();
    while (closed.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(closed.toSorted()).to.deep.equal(['/body', '/wait']);
  });
});
