import { once } from 'node:events';
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
} from 'node:http';
import { connect, createServer as createTcp, type AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { Closing } from '../helpers/closing.ts';
import { freePort } from '../helpers/free-port.ts';
import { runDbless } from '../helpers/sluice-process.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { waitFor } from '../helpers/wait-for.ts';

interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: NodeJS.Dict<string>;
  readonly body: string;
}

interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** Sends a request over a connection of its own. */
async function send(port: number, { method = 'GET', path, headers = {}, body }: Sent): Promise<Got> {
  const request = httpRequest({ host: '127.0.0.1', port, method, path, headers: { ...headers }, agent: false });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const bytes = await buffer(response);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    trailers: response.trailers,
    body: bytes.toString('latin1'),
  };
}

/** An upstream that tells in its answer what it was asked, and does what paths name. */
function startUpstream(): Server {
  return createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://upstream');
    const name = url.pathname.split('/').at(-1);
    if (name === 'trailers') {
      response.writeHead(200, { trailer: 'X-Sum' }).write('body');
      response.addTrailers([['X-Sum', '7']]);
      response.end();
    } else if (name === 'status') {
      response
        .writeHead(Number(url.searchParams.get('code')), [
          'X-Twice',
          '1',
          'X-Twice',
          '2',
          'Connection',
          'X-Private',
          'X-Private',
          'p',
        ])
        .end();
    } else if (name === 'large') {
      response.writeHead(200, { 'content-length': '1000000' }).end(Buffer.alloc(1_000_000, 'x'));
    } else if (name === 'broken') {
      response.writeHead(200, { 'content-length': '1000' }).write('part');
      setImmediate(() => request.socket.destroy());
    } else if (name === 'broken-chunked') {
      response.writeHead(200).write('part');
      setImmediate(() => request.socket.destroy());
    } else if (name === 'reset') {
      request.socket.destroy();
    } else if (name === 'slow') {
      // It never answers.
    } else {
      void buffer(request).then((body) => {
        response.setHeader('content-type', 'application/json');
        const { method, headers } = request;
        response.end(
          JSON.stringify({
            method,
            url: request.url,
            headers,
            bytes: body.length,
            body: body.toString('latin1').slice(0, 100),
          }),
        );
      });
    }
  });
}

describe('requests to services', function () {
  this.timeout(60_000);
  const closing = new Closing();
  let proxy: number;
  let upstream: number;
  let metrics: () => Promise<string>;

  before(async () => {
    const server = startUpstream();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    closing.add(() => {
      server.closeAllConnections();
      server.close();
    });
    upstream = (server.address() as AddressInfo).port;
    const refused = await freePort();
    const silent = createTcp((socket) => {
      socket.on('error', () => undefined);
      closing.add(() => socket.destroy());
    });
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    closing.add(() => silent.close());
    const folder = await tempFolder();
    closing.add(() => folder.remove());
    const path = join(folder.path, 'config.json');
    const host = '127.0.0.1';
    const document = {
      _format_version: '3.0',
      services: [
        {
          name: 'echo',
          host,
          port: upstream,
          path: '/base',
          read_timeout: 500,
          routes: [
            { name: 'strip', paths: ['/strip'] },
            { name: 'keep', paths: ['/keep'], strip_path: false, preserve_host: true },
            { name: 'regex', paths: ['~/v(?<version>\\d+)'] },
          ],
        },
        { name: 'refused', host, port: refused, routes: [{ name: 'refused', paths: ['/refused'] }] },
        { name: 'unknown', host: 'missing.invalid', routes: [{ name: 'unknown', paths: ['/unknown'] }] },
        { name: 'pair', host: 'pair', retries: 1, routes: [{ name: 'pair', paths: ['/pair'] }] },
        { name: 'none', host: 'empty', routes: [{ name: 'none', paths: ['/none'] }] },
      ],
      upstreams: [
        {
          name: 'pair',
          host_header: 'api.example.com',
          targets: [{ target: `${host}:${refused}` }, { target: `${host}:${upstream}` }],
        },
        { name: 'empty', targets: [] },
      ],
    };
    await writeFile(path, JSON.stringify(document));
    const node = await runDbless([`--declarative-config=${path}`, '--latency-headers=true']);
    closing.add(() => node.stop());
    proxy = Number(node.proxy.split(':').at(-1));
    metrics = async () => (await fetch(`http://${node.address('status')}/metrics`)).text();
  });
  after(() => closing.close());
  const json = async (sent: Sent) =>
    JSON.parse((await send(proxy, sent)).body) as Record<string, never> & { headers: Record<string, string> };

  const paths: readonly (readonly [sent: string, got: string])[] = [
    ['/strip', '/base'],
    ['/strip/a/b?x=1&y=%20', '/base/a/b?x=1&y=%20'],
    ['/strip?x', '/base?x'],
    ['/keep/a', '/base/keep/a'],
    ['/v12/users', '/base/users'],
    ['/strip/a%2Fb', '/base/a%2Fb'],
    ['/strip//a/../b', '/base/b'],
  ];
  for (const [sent, got] of paths) {
    it(`${sent} goes to ${got}`, async () => {
      expect((await json({ path: sent }))['url']).to.equal(got);
    });
  }

  it('passes a query of thousands of arguments on: only plugins that parse one count them', async () => {
    const query = 'a=1&'.repeat(2_000);
    expect((await json({ path: `/strip/a?${query}` }))['url']).to.equal(`/base/a?${query}`);
  });

  it('adds the headers of a proxy and drops those of the connection', async () => {
    const { headers } = await json({
      path: '/strip/a',
      headers: {
        Host: 'shop.example.com',
        Connection: 'X-Private, close',
        'X-Private': 'p',
        'X-Kept': 'k',
        TE: 'gzip',
        'X-Forwarded-For': '192.0.2.9',
        'X-Forwarded-Proto': 'https',
        'X-Request-Id': 'my-request',
      },
    });
    expect(headers).to.include({
      host: `127.0.0.1:${upstream}`,
      'x-kept': 'k',
      'x-forwarded-for': '192.0.2.9, 127.0.0.1',
      // The peer is not trusted.
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'shop.example.com',
      'x-forwarded-port': String(proxy),
      'x-forwarded-path': '/strip/a',
      'x-forwarded-prefix': '/strip',
      'x-real-ip': '127.0.0.1',
      'x-request-id': 'my-request',
      via: '1.1 sluice',
    });
    expect(headers).to.not.have.any.keys('x-private', 'te', 'transfer-encoding');
  });

  it('sends the Host of the client, of the upstream or of the service, as configured', async () => {
    const host = async (path: string) =>
      (await json({ path, headers: { Host: 'shop.example.com:81' } })).headers['host'];
    expect(await host('/keep')).to.equal('shop.example.com:81');
    expect(await host('/pair')).to.equal('api.example.com');
    expect(await host('/strip')).to.equal(`127.0.0.1:${upstream}`);
  });

  it('streams bodies both ways', async () => {
    expect(await json({ method: 'POST', path: '/strip', body: Buffer.alloc(3_000_000, 'b') })).to.include({
      bytes: 3_000_000,
    });
    const chunked = { 'Transfer-Encoding': 'chunked' };
    expect(await json({ method: 'PUT', path: '/strip', headers: chunked, body: 'chunks' })).to.include({
      body: 'chunks',
    });
    const expecting = { Expect: '100-continue', 'Content-Length': '4' };
    expect(await json({ method: 'POST', path: '/strip', headers: expecting, body: 'wait' })).to.include({
      body: 'wait',
    });
    expect((await send(proxy, { path: '/strip/large' })).body).to.have.length(1_000_000);
  });

  it('gives status, repeated headers and trailers as they came', async () => {
    const got = await send(proxy, { path: '/strip/status?code=207' });
    expect(got.status).to.equal(207);
    expect(got.headers).to.include({ 'x-twice': '1, 2', via: '1.1 sluice' });
    expect(got.headers).to.not.have.property('x-private');
    expect(got.headers).to.have.property('x-kong-upstream-latency');
    for (const code of [204, 304]) {
      const empty = await send(proxy, { path: `/strip/status?code=${code}` });
      expect(empty).to.include({ status: code, body: '' });
    }
    const trailing = await send(proxy, { path: '/strip/trailers', headers: { TE: 'trailers' } });
    expect(trailing).to.deep.include({ body: 'body', trailers: { 'x-sum': '7' } });
    const head = await send(proxy, { method: 'HEAD', path: '/strip/large' });
    expect(head).to.include({ status: 200, body: '' });
    expect(head.headers['content-length']).to.equal('1000000');
  });

  it('cuts the client off when the upstream breaks off in the middle of a body', async () => {
    for (const path of ['/strip/broken', '/strip/broken-chunked']) {
      const error = await send(proxy, { path }).catch((caught: unknown) => caught);
      expect(error, path).to.be.instanceOf(Error);
    }
  });

  const failures: readonly { path: string; status: number; message: string }[] = [
    { path: '/refused', status: 502, message: 'An invalid response was received from the upstream server' },
    { path: '/strip/reset', status: 502, message: 'An invalid response was received from the upstream server' },
    { path: '/strip/slow', status: 504, message: 'The upstream server is timing out' },
    { path: '/unknown', status: 503, message: 'name resolution failed' },
    { path: '/none', status: 503, message: 'failure to get a peer from the ring-balancer' },
  ];
  for (const { path, status, message } of failures) {
    it(`${path}: ${status} ${message}`, async () => {
      const got = await send(proxy, { method: 'POST', path, body: 'x' });
      expect(got.status).to.equal(status);
      expect(JSON.parse(got.body)).to.deep.equal({ message, request_id: got.headers['x-request-id'] });
    });
  }

  it('tells of each service how long its answers took, and how often it failed', async () => {
    await send(proxy, { path: '/strip/a' });
    await send(proxy, { path: '/refused' });
    const text = await metrics();
    expect(text).to.match(/^sluice_upstream_duration_seconds_count\{service="echo"\} [1-9]/m);
    expect(text).to.match(/^sluice_upstream_failures_total\{service="refused",status="502"\} [1-9]/m);
  });

  it('tries the next target when one refuses the connection', async () => {
    for (let round = 0; round < 4; round++) {
      expect(
        (await send(proxy, { method: 'POST', path: '/pair', headers: { 'Content-Length': '1' }, body: 'x' })).status,
      ).to.equal(200);
    }
  });

  it('ends the upstream request when the client goes away', async () => {
    const socket = connect(proxy, '127.0.0.1');
    await once(socket, 'connect');
    socket.write('GET /strip/slow HTTP/1.1\r\nHost: h\r\n\r\n');
    const inFlight = async () => Number(/^sluice_http_requests_in_flight (\d+)/m.exec(await metrics())?.[1]);
    await waitFor(async () => (await inFlight()) === 1, { what: 'the request to be in flight' });
    socket.destroy();
    await waitFor(async () => (await inFlight()) === 0, { what: 'the request to end', timeoutMs: 400 });
  });
});
