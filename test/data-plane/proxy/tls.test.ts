import { once } from 'node:events';
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { connect, createSecureContext, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { X509Certificate } from 'node:crypto';
import { expect } from 'chai';
import type { OpenExchange } from '../../../data-plane/plugin-api/exchange.ts';
import { type Listener, type ListenerOptions, startListener } from '../../../data-plane/proxy/listener.ts';
import { createSelfSigned } from '../../../shared/self-signed.ts';
import { makePair } from '../../helpers/certificates.ts';
import { Closing } from '../../helpers/closing.ts';
import { waitFor } from '../../helpers/wait-for.ts';

describe('TLS on a listener', function () {
  this.timeout(30_000);
  const closing = new Closing();
  const pairs = new Map<string, { readonly cert: string; readonly key: string }>();
  let listener: Listener;
  let seen: OpenExchange[];
  let hits: string[];

  before(async () => {
    for (const name of ['fallback', 'a.example', 'renewed.example']) {
      const { certPem, keyPem } = await createSelfSigned(name, 1);
      pairs.set(name, { cert: certPem, key: keyPem });
    }
  });
  const pairOf = (name: string) => pairs.get(name) ?? { cert: '', key: '' };

  async function start(options: Partial<ListenerOptions> = {}): Promise<void> {
    seen = [];
    hits = [];
    const context = createSecureContext(pairOf('a.example'));
    listener = await startListener({
      listen: { host: '127.0.0.1', port: 0 },
      handle(exchange) {
        seen.push(exchange);
        exchange.readBody().then(
          (body) => exchange.respond({ status: 200, headers: [], body: `[${exchange.protocol} ${body.length}]` }),
          () => exchange.respond({ status: 400, headers: [], body: '' }),
        );
      },
      bodyBytesMax: 1_000,
      trustedIps: [],
      tls: {
        contextFor: (name) => (name === 'a.example' ? context : undefined),
        fallback: pairOf('fallback'),
      },
      onLimit: (limit) => void hits.push(limit),
      ...options,
      limits: { lingerMs: 200, checkMs: 50, drainIdleMs: 100, ...options.limits },
    });
    const started = listener;
    closing.add(async () => {
      const ended = started.drain();
      started.destroy();
      await ended;
    });
  }

  async function open(options: ConnectionOptions = {}): Promise<TLSSocket> {
    const socket = connect({ host: '127.0.0.1', port: listener.port, rejectUnauthorized: false, ...options });
    closing.add(() => socket.destroy());
    await once(socket, 'secureConnect');
    socket.on('error', () => undefined);
    return socket;
  }

  const nameOf = (socket: TLSSocket) => new X509Certificate(socket.getPeerCertificate(true).raw).subject;
  const post = 'POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\nabc';

  beforeEach(() => start());
  afterEach(() => closing.close());

  for (const [servername, certificate] of [
    ['a.example', 'a.example'],
    ['A.Example', 'a.example'],
    ['other.example', 'fallback'],
    [undefined, 'fallback'],
  ] as const) {
    it(`shows ${servername ?? 'a client without a server name'} the certificate of ${certificate}`, async () => {
      const socket = await open(servername === undefined ? {} : { servername });
      expect(nameOf(socket)).to.equal(`CN=${certificate}`);
    });
  }

  it('shows a name with a certificate of RSA that, also to clients that take ECDSA, as the fallback is', async () => {
    const rsa = await makePair({ type: 'rsa' });
    const context = createSecureContext(rsa);
    await start({ tls: { contextFor: () => context, fallback: pairOf('fallback') } });
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = await open({ servername: 'a.example', maxVersion });
      expect(socket.getPeerX509Certificate()?.publicKey.asymmetricKeyType).to.equal('rsa');
    }
  });

  it('takes a handshake that comes byte by byte', async () => {
    const client = connectTcp({ host: '127.0.0.1', port: listener.port, noDelay: true });
    closing.add(() => client.destroy());
    const slow = new Duplex({
      read: () => undefined,
      write(chunk: Buffer, _encoding, done) {
        void (async () => {
          for (const byte of chunk) {
            client.write(Buffer.from([byte]));
            await new Promise(setImmediate);
          }
          done();
        })();
      },
    });
    client.on('data', (chunk) => slow.push(chunk));
    const socket = connect({ socket: slow, servername: 'a.example', rejectUnauthorized: false });
    closing.add(() => socket.destroy());
    await once(socket, 'secureConnect');
    expect(nameOf(socket)).to.equal('CN=a.example');
  });

  for (const [version, works] of [
    ['TLSv1.1', false],
    ['TLSv1.2', true],
    ['TLSv1.3', true],
  ] as const) {
    it(`${works ? 'takes' : 'refuses'} ${version}`, async () => {
      const ciphers = 'DEFAULT:@SECLEVEL=0';
      const opened = await open({ minVersion: version, maxVersion: version, ciphers }).catch((error: unknown) => error);
      if (works) expect(opened).to.have.property('authorized');
      else expect(opened).to.be.instanceOf(Error);
    });
  }

  for (const ALPNProtocols of [['http/1.1'], undefined]) {
    it(`speaks HTTP/1.1 with ALPN ${ALPNProtocols?.join() ?? 'left out'}, over a kept connection`, async () => {
      const socket = await open({ servername: 'a.example', ...(ALPNProtocols && { ALPNProtocols }) });
      let received = '';
      socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
      for (let count = 1; count <= 2; count += 1) {
        socket.write(post);
        await waitFor(() => received.split('[https 3]').length === count + 1, { what: 'an answer' });
      }
      expect(seen[0]).to.include({ sni: 'a.example', protocol: 'https', clientAddress: '127.0.0.1' });
    });
  }

  it('speaks HTTP/2 with ALPN h2', async () => {
    const session = connectHttp2(`https://127.0.0.1:${listener.port}`, {
      rejectUnauthorized: false,
      servername: 'a.example',
    });
    closing.add(() => session.destroy());
    const stream = session.request({ ':method': 'POST', ':path': '/' });
    stream.end('abc');
    const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    expect(headers[':status']).to.equal(200);
    expect(await text(stream)).to.equal('[https 3]');
    expect(seen[0]).to.include({ sni: 'a.example', httpVersion: '2.0' });
  });

  it('refuses a client whose protocols it does not speak', async () => {
    const failure = await open({ ALPNProtocols: ['spdy/3'] }).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
  });

  it('resumes a session', async () => {
    const first = await open({ maxVersion: 'TLSv1.2', servername: 'a.example' });
    const session = first.getSession();
    first.end();
    const second = await open({ maxVersion: 'TLSv1.2', servername: 'a.example', session });
    expect(second.isSessionReused()).to.equal(true);
  });

  it('changes certificates without a failed handshake', async () => {
    const contexts = [createSecureContext(pairOf('a.example')), createSecureContext(pairOf('renewed.example'))];
    let current = contexts[0];
    await start({ tls: { contextFor: () => current, fallback: pairOf('fallback') } });
    const names = new Set<string>();
    for (let count = 0; count < 40; count += 1) {
      if (count === 20) current = contexts[1];
      names.add(nameOf(await open({ servername: 'a.example' })));
    }
    expect([...names]).to.deep.equal(['CN=a.example', 'CN=renewed.example']);
  });

  for (const [what, sent] of [
    ['says nothing', ''],
    ['begins a handshake and stops', '\x16\x03\x01'],
  ]) {
    it(`cuts a client that ${what} after handshake_timeout`, async () => {
      await start({ limits: { handshakeTimeoutMs: 150 } });
      const socket = connectTcp(listener.port, '127.0.0.1');
      closing.add(() => socket.destroy());
      socket.on('error', () => undefined);
      socket.write(Buffer.from(sent ?? '', 'latin1'));
      await waitFor(() => socket.destroyed, { what: 'the end', timeoutMs: 2_000 });
      expect(hits).to.deep.equal(['handshake_timeout']);
      expect(listener.connections.active).to.equal(0);
    });
  }

  it('ends a connection that speaks no TLS, and serves the next', async () => {
    const socket = connectTcp(listener.port, '127.0.0.1');
    closing.add(() => socket.destroy());
    socket.on('error', () => undefined).write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    socket.resume();
    await waitFor(() => socket.destroyed, { what: 'the end' });
    await open();
  });

  it('drains: the answer under way says close, and the connection ends', async () => {
    const socket = await open({ servername: 'a.example' });
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
    socket.write(post.slice(0, -1));
    await waitFor(() => seen.length === 1, { what: 'the request' });
    const drained = listener.drain();
    socket.write(post.slice(-1));
    await waitFor(() => received.includes('[https 3]'), { what: 'the answer' });
    expect(received).to.match(/Connection: close/i);
    await drained;
  });
});
