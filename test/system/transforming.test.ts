import { once } from 'node:events';
import { createServer, Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { Closing } from '../helpers/closing.ts';
import { runDbless } from '../helpers/sluice-process.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

/** What the service was sent, as it tells in its answer. */
interface Echo {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** In pieces, without a length. */
  readonly pieces?: readonly string[];
}

interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Client {
  send(sent: Sent): Promise<Got>;
  close(): void;
}

/** All requests on one connection: one that is left in a wrong state shows with the next. */
function http1Client(port: number): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    async send({ method = 'POST', path, headers = {}, pieces = [] }) {
      const request = httpRequest({ host: '127.0.0.1', port, method, path, headers: { ...headers }, agent });
      Readable.from(pieces.map((piece) => Buffer.from(piece))).pipe(request);
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      const body = (await buffer(response)).toString();
      return { status: response.statusCode ?? 0, headers: response.headers, body };
    },
    close: () => agent.destroy(),
  };
}

function http2Client(port: number): Client {
  const session: ClientHttp2Session = connect(`http://127.0.0.1:${port}`);
  return {
    async send({ method = 'POST', path, headers = {}, pieces = [] }) {
      const stream = session.request({ ':method': method, ':path': path, ...headers });
      Readable.from(pieces.map((piece) => Buffer.from(piece))).pipe(stream);
      const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders];
      return { status: Number(head[':status']), headers: head, body: (await buffer(stream)).toString() };
    },
    close: () => session.close(),
  };
}

const json = { 'content-type': 'application/json' };
const form = { 'content-type': 'application/x-www-form-urlencoded' };

describe('requests and answers that plugins change', function () {
  this.timeout(20_000);
  const closing = new Closing();
  let port = 0;

  before(async () => {
    const service = createServer((request, response) => {
      void buffer(request).then((bytes) => {
        const body = bytes.toString();
        const { method, url, headers } = request;
        response.setHeader('content-type', 'application/json');
        response.setHeader('server', 'secret-server');
        response.end(JSON.stringify({ method, url, headers, body }));
      });
    });
    await once(service.listen(0, '127.0.0.1'), 'listening');
    closing.add(() => {
      service.closeAllConnections();
      service.close();
    });
    const folder = await tempFolder();
    closing.add(() => folder.remove());
    const path = join(folder.path, 'config.json');
    await writeFile(path, JSON.stringify(documentOf((service.address() as AddressInfo).port)));
    const node = await runDbless([`--declarative-config=${path}`, '--request-body-max=64kb']);
    closing.add(() => node.stop());
    port = Number(node.proxy.split(':').at(-1));
  });
  after(() => closing.close());

  for (const [protocol, open] of [
    ['HTTP/1.1', http1Client],
    ['HTTP/2', http2Client],
  ] as const) {
    describe(`over ${protocol}`, () => {
      let client: Client;
      before(() => {
        client = open(port);
      });
      after(() => client.close());
      const echo = async (sent: Sent): Promise<Echo> => {
        const { status, body } = await client.send(sent);
        expect(status, body).to.equal(200);
        return JSON.parse(body) as Echo;
      };

      it('have a body written anew, with its length', async () => {
        const { body, headers } = await echo({ path: '/body', headers: json, pieces: ['{"a":1,', '"secret":2}'] });
        expect(body).to.equal('{"a":1,"added":"yes"}');
        expect(headers['content-length']).to.equal(String(body.length));
        expect(headers['transfer-encoding']).to.equal(undefined);
      });

      it('have a body although the client sent none', async () => {
        const seen = await echo({ path: '/body', headers: { ...json, 'content-length': '0' } });
        expect([seen.body, seen.headers['content-length']]).to.deep.equal(['{"added":"yes"}', '15']);
      });

      it('have a query written anew', async () => {
        expect((await echo({ path: '/query?secret=1&b=%20&c' })).url).to.equal('/query?b=%20&c&added=yes');
        expect((await echo({ path: '/query' })).url).to.equal('/query?added=yes');
      });

      it('lose a key that is hidden, in the query and in a form', async () => {
        expect((await echo({ path: '/keyed?apikey=k1&b=2', headers: form, pieces: ['c=3'] })).url).to.equal(
          '/keyed?b=2',
        );
        const hidden = await echo({ path: '/keyed', headers: form, pieces: ['apikey=k1&', 'c=3'] });
        expect([hidden.body, hidden.headers['content-length']]).to.deep.equal(['c=3', '3']);
      });

      it('have another method and path', async () => {
        const { method, url } = await echo({ path: '/uri/7?x=1' });
        expect([method, url]).to.deep.equal(['PUT', '/items/7?x=1']);
      });

      it('made a HEAD are answered without a body, and the connection goes on', async () => {
        const { status, headers, body } = await client.send({ method: 'GET', path: '/head' });
        expect([status, headers['content-length'] ?? '0', body]).to.deep.equal([200, '0', '']);
        expect((await echo({ path: '/query' })).url).to.equal('/query?added=yes');
      });

      it('with a body larger than the node reads are refused', async () => {
        const pieces = Array.from({ length: 9 }, () => 'x'.repeat(8 * 1024));
        const { status } = await client.send({ path: '/body', headers: json, pieces });
        expect(status).to.equal(413);
      });

      it('are answered with a body written anew', async () => {
        const { headers, body } = await client.send({ path: '/answer', headers: form, pieces: ['q'] });
        const { body: echoed, ...others } = JSON.parse(body) as Record<string, unknown>;
        expect(Object.keys(others)).to.deep.equal(['method', 'url', 'n']);
        expect([echoed, others['n'], headers['server']]).to.deep.equal(['q', 1, undefined]);
        expect(headers['content-length']).to.equal(String(body.length));
      });
    });
  }
});

function documentOf(servicePort: number) {
  const transform = (config: object) => ({ name: 'request-transformer', config });
  const add = { body: ['added:yes'], querystring: [] as string[] };
  const routes: readonly [name: string, plugins: readonly object[], more?: object][] = [
    ['body', [transform({ remove: { body: ['secret'] }, add })]],
    ['query', [transform({ remove: { querystring: ['secret'] }, add: { querystring: ['added:yes'] } })]],
    ['keyed', [{ name: 'key-auth', config: { hide_credentials: true, key_in_body: true } }]],
    [
      'uri',
      [transform({ http_method: 'PUT', replace: { uri: '/items/$(uri_captures.id)' } })],
      { paths: ['~/uri/(?<id>\\d+)'] },
    ],
    ['head', [transform({ http_method: 'HEAD' })]],
    [
      'answer',
      [
        {
          name: 'response-transformer',
          config: {
            remove: { json: ['headers'], headers: ['server'] },
            add: { json: ['n:1'], json_types: ['number'] },
          },
        },
      ],
    ],
  ];
  return {
    _format_version: '3.0',
    consumers: [{ username: 'ada', keyauth_credentials: [{ key: 'k1' }] }],
    services: [
      {
        name: 'echo',
        host: '127.0.0.1',
        port: servicePort,
        routes: routes.map(([name, plugins, more = { paths: [`/${name}`] }]) => ({
          name,
          strip_path: false,
          plugins,
          ...more,
        })),
      },
    ],
  };
}
