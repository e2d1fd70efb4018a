import { expect } from 'chai';
import * as fc from 'fast-check';
import { type Listener, startListener } from '../../../data-plane/proxy/listener.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { RawClient } from './raw-http.ts';
import { pluginEntity, routeEntity, SpineFixture } from './spine-fixture.ts';

const statuses = new Set([200, 400, 404, 405, 408, 413, 414, 415, 417, 426, 431, 501, 505]);

/** What a client may put on a connection: whole requests, parts of them, and what is none. */
const method = fc.constantFrom(
  'GET',
  'POST',
  'PUT',
  'HEAD',
  'OPTIONS',
  'CONNECT',
  'TRACE',
  'PATCH',
  'get',
  'M-SEARCH',
  '',
);
const target = fc.oneof(
  fc.constantFrom(
    '/orders',
    '/orders/../x',
    '/%2e%2e/',
    '/%zz',
    '/a%00b',
    '*',
    'http://u:p@h/orders',
    'http://',
    '//',
    '',
    '/ü',
  ),
  fc.string({ unit: 'binary-ascii', maxLength: 12 }).map((text) => `/${text}`),
  fc.webPath(),
);
const version = fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/0.9', 'http/1.1', '');
const header = fc.oneof(
  fc.constantFrom(
    'Host: a',
    'Host: a:b',
    'Host: [::1]:80',
    'Host: a b',
    'Host:',
    'Connection: close',
    'Connection: upgrade',
    'Upgrade: websocket',
    'Expect: 100-continue',
    'Expect: x',
    'Content-Length: 0',
    'Content-Length: 5',
    'Content-Length: -1',
    'Content-Length: 5, 6',
    'Content-Length: 99999999999999999999',
    'Content-Length: 2000',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding : chunked',
    'Content-Type: application/json',
    'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    ' folded',
    'no colon',
    ': no name',
    'X-Forwarded-For: 1.2.3.4, x',
  ),
  fc
    .tuple(fc.string({ maxLength: 6 }), fc.string({ unit: 'binary', maxLength: 10 }))
    .map(([name, value]) => `${name}: ${value}`),
);
const ending = fc.constantFrom('\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\0');
const body = fc.oneof(
  fc.constantFrom(
    '',
    'abcde',
    '5\r\nabcde\r\n0\r\n\r\n',
    '5;x=y\r\nabcde\r\n0\r\nA: b\r\n\r\n',
    'zz\r\n',
    'ffffffffffffffffff\r\n',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
);
const request = fc
  .record({ method, target, version, headers: fc.array(fc.tuple(header, ending), { maxLength: 5 }), ending, body })
  .map((parts) => {
    const lines = parts.headers.map(([text, end]) => `${text}${end}`).join('');
    const host = lines.toLowerCase().includes('host') ? '' : 'Host: a\r\n';
    return `${parts.method} ${parts.target} ${parts.version}${parts.ending}${host}${lines}\r\n${parts.body}`;
  });
const bytes = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.array(request, { minLength: 1, maxLength: 3 }).map((all) => Buffer.from(all.join(''), 'latin1')),
  },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 40 }).map((array) => Buffer.from(array)) },
);

describe('random bytes on a connection', function () {
  this.timeout(60_000);
  let listener: Listener;
  let fixture: SpineFixture;
  const faults: unknown[] = [];
  before(async () => {
    fixture = new SpineFixture();
    fixture.behaviours.set('echo', {
      access: async (exchange) => {
        const read = await exchange.readBody();
        // All that plugins derive from a request.
        const text = [
          exchange.requestId,
          exchange.target,
          exchange.query,
          exchange.host,
          exchange.clientAddress,
        ].join();
        return {
          status: 200,
          headers: [],
          body: `${read.length} ${text.length} ${[...exchange.headers.entries()].length}`,
        };
      },
    });
    await fixture.apply({
      routes: [routeEntity({ paths: ['/orders', '~/a.*b$'] })],
      plugins: [pluginEntity('publish', 'echo')],
    });
    listener = await startListener({
      listen: { host: '127.0.0.1', port: 0 },
      handle: fixture.spine.handle,
      bodyBytesMax: 1_000,
      trustedIps: ['127.0.0.1'],
      limits: { lingerMs: 100 },
      onRefused: () => undefined,
      onError: (error) => faults.push(error),
    });
  });
  after(async () => {
    const ended = listener.drain();
    listener.destroy();
    await ended;
    await fixture.holder.close();
  });

  it('are answered by a status of the list or end the connection, and affect no other client', async () => {
    await fc.assert(
      fc.asyncProperty(bytes, fc.nat(), async (sent, cut) => {
        const client = await RawClient.open(listener.port);
        try {
          client.send(sent.subarray(0, 1 + (cut % sent.length)));
          client.send(sent.subarray(1 + (cut % sent.length)));
          client.socket.end();
          for (const status of await client.end()) {
            if (status !== 100) expect(statuses, client.received).to.include(status);
          }
        } finally {
          client.destroy();
        }
      }),
      { numRuns: 400 },
    );
    expect(faults).to.deep.equal([]);
    expect(fixture.lines.filter(({ level }) => level === 'error')).to.deep.equal([]);
    await waitFor(() => fixture.spine.inFlight() === 0, { what: 'the end of the last request' });
    const client = await RawClient.open(listener.port);
    client.send('POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}');
    expect(await client.end()).to.deep.equal([200]);
  });
});
