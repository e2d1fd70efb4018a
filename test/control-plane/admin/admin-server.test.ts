import { expect } from 'chai';
import { once } from 'node:events';
import { request } from 'node:https';
import { connect, type Socket } from 'node:net';
import { httpPortBounds, type HttpPortBounds } from '../../../shared/http-port.ts';
import { testCertificate } from '../../helpers/test-certificates.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { startAdmin, type AdminFixture } from './admin-fixture.ts';

describe('the Admin API: its listener', function () {
  this.timeout(20_000);
  let admin: AdminFixture;
  const sockets: Socket[] = [];
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await admin.close();
  });

  const start = async (bounds: Partial<HttpPortBounds> = {}) => {
    admin = await startAdmin({ bounds: { ...httpPortBounds, checkMs: 50, lingerMs: 200, ...bounds } });
  };
  /** Sends the text and resolves to all that comes until the server ends the connection. */
  async function raw(text: string): Promise<string> {
    const socket = await open();
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
    socket.write(text);
    if (!socket.closed) await once(socket, 'close');
    return answer;
  }
  async function open(): Promise<Socket> {
    const [host = '', port] = admin.address.split(':');
    const socket = connect(Number(port), host);
    sockets.push(socket);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  }
  const head = 'POST /services HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';

  it('refuses headers over its limit', async () => {
    await start({ headerBytesMax: 2_000 });
    const answer = await raw(`GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(3_000)}\r\n\r\n`);
    expect(answer)
      .to.match(/^HTTP\/1\.1 431 /)
      .and.contain('{"message":"The headers are too large"}');
  });

  it('refuses bytes that are not HTTP without repeating them', async () => {
    await start();
    const answer = await raw('planted-nonsense\r\n\r\n');
    expect(answer)
      .to.match(/^HTTP\/1\.1 400 /)
      .and.contain('{"message":"Not an HTTP request"}');
    expect(answer).to.not.contain('planted');
  });

  it('answers 408 when the headers do not arrive in time', async () => {
    await start({ headerTimeoutMs: 100 });
    expect(await raw(head))
      .to.match(/^HTTP\/1\.1 408 /)
      .and.contain('{"message":"The request took too long"}');
  });

  it('answers 408 when the body does not arrive in time', async () => {
    await start({ headerTimeoutMs: 100, bodyTimeoutMs: 200 });
    expect(await raw(`${head}Content-Length: 10\r\n\r\n{`)).to.match(/^HTTP\/1\.1 408 /);
  });

  it('refuses connections over its limit, reports it once, and accepts others when one has closed', async () => {
    await start({ connectionsMax: 2 });
    const first = await open();
    await open();
    for (const refused of [await open(), await open()]) if (!refused.closed) await once(refused, 'close');
    const full = () => admin.logLines.filter((line) => line.includes('limit_hit'));
    expect(full()).to.have.length(1);
    first.destroy();
    // Not by fetch, which waits for ever when its connection is closed before it sent the request.
    const status = () => raw('GET /status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    await waitFor(async () => (await status()).startsWith('HTTP/1.1 200'), { what: 'room again' });
  });

  it('speaks HTTPS with a certificate, and is its own origin then', async () => {
    const { certPem, keyPem } = await testCertificate({ names: ['localhost', '127.0.0.1'] });
    admin = await startAdmin({ tls: { certPem: Buffer.from(certPem), keyPem: Buffer.from(keyPem) } });
    const [host, port] = admin.address.split(':');
    const call = (origin: string) =>
      new Promise<{ status: number | undefined; headers: object }>((resolve, reject) => {
        const sent = request({ host, port, path: '/status', ca: certPem, headers: { origin } }, (answer) => {
          answer.resume().on('end', () => resolve({ status: answer.statusCode, headers: answer.headers }));
        });
        sent.on('error', reject).end();
      });
    const own = `https://${admin.address}`;
    const answer = await call(own);
    expect(answer.status).to.equal(200);
    expect(answer.headers).to.include({ 'access-control-allow-origin': own });
    expect((await call(`http://${admin.address}`)).headers).to.not.have.property('access-control-allow-origin');
    expect(await raw('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')).to.not.match(/^HTTP\/1\.1 200/);
  });
});
