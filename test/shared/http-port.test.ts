import { expect } from 'chai';
import { once } from 'node:events';
import { Agent, request as httpRequest, type RequestListener } from 'node:http';
import { request as httpsRequest, Agent as HttpsAgent } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { createHttpPort, httpPortBounds, type HttpPort, type HttpPortBounds } from '../../shared/http-port.ts';
import { testCertificate } from '../helpers/test-certificates.ts';
import { waitFor } from '../helpers/wait-for.ts';

const quick: HttpPortBounds = { ...httpPortBounds, checkMs: 20, lingerMs: 100, drainIdleMs: 50 };

for (const protocol of ['http', 'https'] as const) {
  describe(`an HTTP port over ${protocol}`, function () {
    this.timeout(20_000);
    let tls: { certPem: Buffer; keyPem: Buffer } | undefined;
    let port: HttpPort;
    let number = 0;
    let limits: string[] = [];
    const sockets: Socket[] = [];

    before(async () => {
      const { certPem, keyPem } = await testCertificate({ names: ['127.0.0.1'] });
      if (protocol === 'https') tls = { certPem: Buffer.from(certPem), keyPem: Buffer.from(keyPem) };
    });
    afterEach(async () => {
      for (const socket of sockets.splice(0)) socket.destroy();
      await port.drain(500);
    });

    async function start(
      bounds: Partial<HttpPortBounds> = {},
      handler: RequestListener = (_, reply) => reply.end('ok'),
    ) {
      limits = [];
      port = createHttpPort({ tls, bounds: { ...quick, ...bounds }, onLimit: (limit) => limits.push(limit) });
      const server = port.createServer(handler);
      server.on('clientError', port.refuse);
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      number = (server.address() as AddressInfo).port;
      return server;
    }

    /** Opens a TCP connection that says nothing. */
    async function openSilent(): Promise<Socket> {
      const socket = connect({ port: number, host: '127.0.0.1', allowHalfOpen: true });
      sockets.push(socket);
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      return socket;
    }

    async function open(): Promise<Socket> {
      if (tls === undefined) return openSilent();
      const socket = connectTls({ port: number, host: '127.0.0.1', ca: tls.certPem });
      sockets.push(socket);
      socket.on('error', () => undefined);
      await once(socket, 'secureConnect');
      return socket;
    }

    function textOf(socket: Socket): () => string {
      let text = '';
      socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      return () => text;
    }

    const accepted = (server: { getConnections(done: (error: Error | null, count: number) => void): void }) =>
      new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)));

    const silent: readonly { readonly title: string; readonly act: (socket: Socket) => void }[] = [
      { title: 'a client that says nothing', act: () => undefined },
      { title: 'a client that half-closes and says nothing', act: (socket) => socket.end() },
      {
        title: 'a client that stops within its first line',
        act: (socket) => socket.write(tls ? '\x16\x03' : 'GET / HT'),
      },
    ];
    for (const { title, act } of silent) {
      it(`drops ${title}, however long that one keeps its side open`, async () => {
        const server = await start({ handshakeTimeoutMs: 80, headerTimeoutMs: 80 });
        // The client neither reads nor closes.
        act(await openSilent());
        await waitFor(async () => (await accepted(server)) === 1, { what: 'the connection is there' }).catch(
          () => undefined,
        );
        await waitFor(async () => (await accepted(server)) === 0, { what: 'the connection is gone' });
      });
    }

    it('counts a handshake or headers that do not arrive', async () => {
      const server = await start({ handshakeTimeoutMs: 80, headerTimeoutMs: 80 });
      await openSilent();
      await waitFor(() => limits.length > 0, { what: 'the limit is told' });
      expect(limits).to.deep.equal([tls === undefined ? 'header_timeout' : 'handshake_timeout']);
      await waitFor(async () => (await accepted(server)) === 0, { what: 'the connection is gone' });
    });

    it('refuses connections over its limit', async () => {
      await start({ connectionsMax: 1 });
      await open();
      const second = await openSilent();
      second.resume();
      if (!second.closed) await once(second.end(), 'close');
      expect(limits).to.deep.equal(['connections_max']);
    });

    it('drops a client that reads nothing of its answer, not one that waits for it', async () => {
      let answer = (): void => undefined;
      const server = await start({ sendTimeoutMs: 100 }, (request, reply) => {
        if (request.url === '/slow') answer = () => void reply.end('at last');
        else reply.end(Buffer.alloc(64 * 1024 * 1024));
      });
      const waiting = await open();
      const text = textOf(waiting);
      waiting.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
      const deaf = await open();
      deaf.pause();
      deaf.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await waitFor(async () => limits.includes('send_timeout'), { what: 'the client is given up' });
      await waitFor(async () => (await accepted(server)) === 1, { what: 'one is left' });
      answer();
      await waitFor(() => text().includes('at last'), { what: 'the answer' });
    });

    it('serves a few pipelined requests at once, and all of them in order', async () => {
      let inFlight = 0;
      let most = 0;
      await start({ pipelinedMax: 4 }, (request, reply) => {
        most = Math.max(most, ++inFlight);
        setImmediate(() => {
          inFlight -= 1;
          reply.end(`<${request.url}>`);
        });
      });
      const socket = await open();
      const text = textOf(socket);
      const count = 500;
      socket.write(Array.from({ length: count }, (_, index) => `GET /${index} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
      await waitFor(() => text().includes(`</${count - 1}>`), { what: 'the last answer' });
      const order = [...text().matchAll(/<\/(\d+)>/g)].map(([, index]) => Number(index));
      expect(order).to.deep.equal(Array.from({ length: count }, (_, index) => index));
      expect(most).to.equal(4);
      expect(limits).to.include('pipelined_max');
    });

    it('closes behind the answer to a request with Upgrade, so that what follows is not swallowed', async () => {
      await start();
      const socket = await open();
      const text = textOf(socket);
      socket.write(
        'GET /1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n',
      );
      await once(socket, 'end');
      expect(text()).to.match(/^HTTP\/1\.1 200 OK\r\n[^]*connection: close/i);
    });

    it('answers every request of busy keep-alive clients while it ends, and resets none', async () => {
      await start({ drainIdleMs: 500 });
      const agent = protocol === 'http' ? new Agent({ keepAlive: true }) : new HttpsAgent({ keepAlive: true });
      const send = protocol === 'http' ? httpRequest : httpsRequest;
      const ca = tls === undefined ? {} : { ca: tls.certPem };
      /** Resolves with the word of the header Connection, or with the error and whether the connection had served before. */
      const post = () =>
        new Promise<string>((resolve) => {
          const options = { port: number, host: '127.0.0.1', method: 'POST', agent, ...ca };
          const sent = send(options, (answer) => {
            answer.resume().on('end', () => resolve(answer.headers.connection ?? ''));
          });
          sent.on('error', () => resolve(`${sent.reusedSocket ? 'kept' : 'new'} connection failed`)).end('{}');
        });
      const words: string[][] = [];
      const client = async () => {
        const own: string[] = [];
        words.push(own);
        while (own.at(-1)?.endsWith('failed') !== true) own.push(await post());
      };
      const clients = Array.from({ length: 20 }, client);
      await waitFor(() => words.every((own) => own.length > 5), { what: 'all clients are busy' });
      await port.drain(5_000);
      await Promise.all(clients);
      agent.destroy();
      // Each client learns of the end by its last answer, and only then cannot connect again.
      for (const own of words) expect(own.slice(-2)).to.deep.equal(['close', 'new connection failed']);
    });

    it('ends even if a client does not', async () => {
      await start();
      await openSilent();
      const idle = await open();
      idle.pause();
      const startedMs = performance.now();
      await port.drain(10_000);
      expect(performance.now() - startedMs).to.be.below(5_000);
    });
  });
}
