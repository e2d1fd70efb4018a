import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { ForwardProxy } from '../../../data-plane/http-client/forward-proxy.ts';
import {
  createHttpClient,
  type HttpAnswer,
  type HttpClientOptions,
} from '../../../data-plane/http-client/http-client.ts';
import { Closing } from '../../helpers/closing.ts';
import { testCertificate } from '../../helpers/test-certificates.ts';

describe('requests to a registry or token endpoint', () => {
  const closing = new Closing();
  let plain: string;
  let secured: string;
  let proxy: ForwardProxy;
  /** What the proxy was asked for, with its header. */
  let asked: string[];
  let refuse = false;

  before(async () => {
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      const { host, authorization, 'proxy-authorization': forProxy = null } = request.headers;
      response.end(JSON.stringify({ path: request.url, host, authorization, forProxy }));
    };
    plain = `http://${await listen(createServer(answer))}`;
    const { certPem, keyPem } = await testCertificate({ names: ['127.0.0.1'] });
    const tls = createTlsServer({ cert: certPem, key: keyPem }, answer);
    secured = `https://${await listen(tls)}`;
    proxy = { url: `http://${await listen(createProxy())}`, authorization: 'Basic abc' };
  });
  after(() => closing.close());
  beforeEach(() => {
    asked = [];
    refuse = false;
  });

  async function listen(server: Server): Promise<string> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.add(() => {
      server.closeAllConnections();
      server.close();
    });
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  function createProxy(): Server {
    const note = (request: IncomingMessage): void => {
      asked.push(`${request.method} ${request.url} ${request.headers['proxy-authorization']}`);
    };
    const server = createServer((request, response) => {
      note(request);
      // It passes its own header on, which shows that it came.
      const { authorization = '' } = request.headers;
      void fetch(request.url ?? '', { headers: { authorization } }).then(async (answer) =>
        response.end(await answer.text()),
      );
    });
    server.on('connect', (request, client) => {
      note(request);
      if (refuse) {
        client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
        return;
      }
      const [host, port] = (request.url ?? '').split(':');
      const target = connect(Number(port), host, () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        target.pipe(client).pipe(target);
      });
      target.on('error', () => client.destroy());
      client.on('error', () => target.destroy());
    });
    return server;
  }

  async function send(url: string, options: Partial<HttpClientOptions> = {}): Promise<HttpAnswer> {
    const client = createHttpClient(url, { sslVerify: true, keepAlive: true, ...options });
    try {
      return await client.send({ url: `${url}/a?b=c`, method: 'GET', headers: {}, timeoutMs: 5_000 });
    } finally {
      client.close();
    }
  }

  const failure = (sending: Promise<HttpAnswer>): Promise<string> =>
    sending.then(
      () => 'none',
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );

  it('fail on an invalid certificate, unless verification is off', async () => {
    expect(await failure(send(secured))).to.match(/self-signed certificate/);
    expect((await send(secured, { sslVerify: false })).status).to.equal(200);
  });

  it('go through a proxy with the whole URL', async () => {
    const { body } = await send(plain, { proxy });
    expect(body).to.deep.include({ path: '/a?b=c', host: plain.slice('http://'.length) });
    expect(asked).to.deep.equal([`GET ${plain}/a?b=c Basic abc`]);
  });

  it('go through a tunnel to a server with TLS, which does not see the header for the proxy', async () => {
    const { body } = await send(secured, { proxy, sslVerify: false });
    expect(body).to.deep.equal({ path: '/a?b=c', host: secured.slice('https://'.length), forProxy: null });
    expect(asked).to.deep.equal([`CONNECT ${secured.slice('https://'.length)} Basic abc`]);
    expect(await failure(send(secured, { proxy }))).to.match(/self-signed certificate/);
  });

  it('fail when the proxy refuses or is not there', async () => {
    refuse = true;
    expect(await failure(send(secured, { proxy, sslVerify: false }))).to.equal('the proxy answered 407');
    const gone = { url: 'http://127.0.0.1:1', authorization: null };
    expect(await failure(send(secured, { proxy: gone }))).to.match(/ECONNREFUSED/);
    expect(await failure(send(plain, { proxy: gone }))).to.match(/ECONNREFUSED/);
  });

  it('carry the credentials that stand in the URL, for the proxy too', async () => {
    const withUser = (url: string): string => url.replace('://', '://us%65r:p%3A@');
    const { body } = await send(withUser(plain), { proxy: { url: withUser(proxy.url), authorization: null } });
    const basic = `Basic ${Buffer.from('user:p:').toString('base64')}`;
    expect(body).to.deep.include({ authorization: basic });
    expect(asked).to.deep.equal([`GET ${plain}/a?b=c ${basic}`]);
  });
});
