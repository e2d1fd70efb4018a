import { once } from 'node:events';
import { createServer } from 'node:https';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { Connections, type UpstreamTls } from '../../../data-plane/forward/connections.ts';
import { attemptHttp, type AttemptResult } from '../../../data-plane/forward/http-attempt.ts';
import { Cancellation } from '../../../data-plane/forward/cancellation.ts';
import { Closing } from '../../helpers/closing.ts';
import { testCertificate, type TestCertificate } from '../../helpers/test-certificates.ts';
import { makeEndpoint } from '../upstreams/endpoints.ts';

const unverified: UpstreamTls = {
  verify: false,
  depthMax: null,
  authorities: null,
  certificate: null,
};

describe('connections over TLS', function () {
  this.timeout(20_000);
  const closing = new Closing();
  let root: TestCertificate;
  let middle: TestCertificate;
  let leaf: TestCertificate;

  before(async () => {
    root = await testCertificate({ name: 'root', isCa: true });
    middle = await testCertificate({ name: 'middle', issuer: root, isCa: true });
    leaf = await testCertificate({ name: 'leaf', issuer: middle, names: ['api.example.com'] });
  });
  afterEach(() => closing.close());

  /** Starts a server whose chain has one certificate between its own and the root; it tells who called. */
  async function listen(): Promise<number> {
    const server = createServer(
      {
        cert: `${leaf.certPem}\n${middle.certPem}`,
        key: leaf.keyPem,
        ca: root.certPem,
        requestCert: true,
        rejectUnauthorized: false,
      },
      (request, response) => {
        const socket = request.socket as TLSSocket;
        response.end(`${String(socket.servername)} ${String(socket.getPeerCertificate().subject?.CN ?? 'nobody')}`);
      },
    );
    await once(server.listen(0, '127.0.0.1'), 'listening');
    closing.add(() => {
      server.closeAllConnections();
      server.close();
    });
    return (server.address() as AddressInfo).port;
  }

  function ask(port: number, tls: Partial<UpstreamTls>, host = 'api.example.com'): Promise<AttemptResult> {
    const connections = new Connections({
      protocol: 'https',
      connectTimeoutMs: 5_000,
      readTimeoutMs: 5_000,
      tls: { ...unverified, ...tls },
    });
    closing.add(() => connections.close());
    return attemptHttp({
      dispatcher: connections.to(makeEndpoint('127.0.0.1', port)),
      method: 'GET',
      path: '/',
      headers: ['Host', host],
      body: null,
      writeTimeoutMs: 5_000,
      cancellation: new Cancellation(),
    });
  }
  async function textOf(result: AttemptResult): Promise<string> {
    if (result.kind !== 'answered') throw new Error(errorOf(result));
    const { body } = result.answer;
    return String(Buffer.isBuffer(body) ? body : await buffer(body));
  }
  const errorOf = (result: AttemptResult) => (result.kind === 'failed' ? result.failure.error : 'answered');

  it('names the server in the handshake, and shows a client certificate', async () => {
    const port = await listen();
    expect(await textOf(await ask(port, {}))).to.equal('api.example.com nobody');
    const client = await testCertificate({ name: 'gateway' });
    const certificate = { cert: client.certPem, key: client.keyPem };
    expect(await textOf(await ask(port, { certificate }))).to.equal('api.example.com gateway');
  });

  it('verifies the chain and the name where it is told to', async () => {
    const port = await listen();
    expect(errorOf(await ask(port, { verify: true }))).to.match(/issuer|verify|self-signed/);
    const authorities = [root.certPem];
    expect(await textOf(await ask(port, { verify: true, authorities }))).to.include('api.example.com');
    const other = await ask(port, { verify: true, authorities }, 'other.example.com');
    expect(errorOf(other)).to.include('other.example.com');
  });

  it('tls_verify_depth bounds the certificates between the server and the root', async () => {
    const port = await listen();
    const authorities = [root.certPem];
    expect(await textOf(await ask(port, { verify: true, authorities, depthMax: 1 }))).to.include('api.example.com');
    const deep = await ask(port, { verify: true, authorities, depthMax: 0 });
    expect(errorOf(deep)).to.equal('the certificate chain is deeper than tls_verify_depth 0');
  });

  it('speaks HTTP/2 where the server offers it', async () => {
    const server = createSecureServer({ cert: leaf.certPem, key: leaf.keyPem });
    server.on('stream', (stream) => {
      stream.respond({ ':status': 200, 'x-protocol': 'h2' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '3' }));
      stream.end('two');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    closing.add(() => server.close());
    const result = await ask((server.address() as AddressInfo).port, {});
    expect(await textOf(result)).to.equal('two');
    expect(result.kind === 'answered' && result.answer.headers.join()).to.include('x-protocol,h2');
  });
});
