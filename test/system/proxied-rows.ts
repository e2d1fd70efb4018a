import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';

/** One request that is sent to a service directly, and to the same service through a node. */
export interface ProxiedRow {
  readonly what: string;
  /** Bytes, or steps of them: each is sent once the text behind it has come. */
  readonly send: string | readonly (readonly [bytes: string, until: string])[];
  /** The client destroys its connection once this text has come; '' at once behind the bytes. */
  readonly abortAt?: string;
  readonly serve?: (request: IncomingMessage, response: ServerResponse) => void;
  /** The statuses through the node, where the contract makes them others than the service's own. */
  readonly through?: readonly number[];
}

const head = (line: string, ...headers: string[]) =>
  [`${line} HTTP/1.1`, 'Host: shop', ...headers, '', ''].join('\r\n');
const post = (body: string, ...headers: string[]) =>
  head('POST /echo', `Content-Length: ${Buffer.byteLength(body, 'latin1')}`, ...headers) + body;
const chunked = (chunks: readonly string[], behind = '') =>
  head('POST /echo', 'Transfer-Encoding: chunked') +
  chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('') +
  `0\r\n${behind}\r\n`;

const answers =
  (status: number, headers: Record<string, string | string[]>, body = ''): NonNullable<ProxiedRow['serve']> =>
  (_request, response) =>
    void response.writeHead(status, headers).end(body);
const get = head('GET /path?a=1&b=%20x&c');
const zipped = gzipSync('zipped text').toString('latin1');

export const proxiedRows: readonly ProxiedRow[] = [
  ...['GET', 'DELETE', 'OPTIONS', 'PURGE', 'REPORT'].map((method) => ({
    what: method,
    send: head(`${method} /echo`),
  })),
  ...['POST', 'PUT', 'PATCH', 'DELETE', 'QUERY'].map((method) => ({
    what: `${method} with a body`,
    send: post('body').replace('POST', method),
  })),
  { what: 'GET with a body', send: post('body').replace('POST', 'GET') },
  { what: 'an empty body', send: post('') },
  { what: 'a query with odd characters', send: head('GET /echo?x=a+b%2Fc;d&&=&é=%C3%A9|'.replace('é', '%C3%A9')) },
  { what: 'a body in chunks', send: chunked(['one ', 'two ', 'three']) },
  { what: 'a body of no chunk', send: chunked([]) },
  { what: 'a body of 2 MB', send: post('x'.repeat(2_000_000)) },
  { what: 'a body of every byte', send: post(String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte))) },
  { what: 'a compressed body', send: post(zipped, 'Content-Encoding: gzip', 'Content-Type: text/plain') },
  {
    what: 'repeated headers, empty ones and bytes outside ASCII',
    send: head('GET /echo', 'X-A: 1', 'X-A: 2', 'X-Empty:', 'X-Latin: \xe9'),
  },
  {
    what: 'Expect: 100-continue',
    send: [
      [head('POST /echo', 'Content-Length: 4', 'Expect: 100-continue'), '100 Continue\r\n\r\n'],
      ['wait', ''],
    ],
  },
  {
    what: 'a compressed answer',
    send: get,
    serve: (_request, response) =>
      void response
        .writeHead(200, { 'content-encoding': 'gzip', 'content-length': zipped.length })
        .end(Buffer.from(zipped, 'latin1')),
  },
  {
    what: 'an answer in chunks',
    send: get,
    serve: (_request, response) => {
      response.write('one ');
      setImmediate(() => response.end('two'));
    },
  },
  {
    what: 'an answer that the end of the connection ends',
    send: get,
    serve: ({ socket }) => void socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nwhole'),
  },
  {
    what: 'trailers',
    send: get,
    serve: (_request, response) => {
      response.writeHead(200, { Trailer: 'X-Sum' }).write('body');
      response.addTrailers({ 'X-Sum': '7' });
      response.end();
    },
  },
  {
    what: 'trailers without a body',
    send: get,
    serve: (_request, response) => {
      response.writeHead(200, { Trailer: 'X-Sum' });
      response.addTrailers({ 'X-Sum': '7' });
      response.end();
    },
  },
  {
    what: '103 Early Hints',
    send: get,
    serve: (_request, response) => {
      response.writeEarlyHints({ link: '</a.css>; rel=preload' });
      response.end('late');
    },
  },
  { what: 'several cookies', send: get, serve: answers(200, { 'Set-Cookie': ['a=1', 'b=2; Path=/'] }, 'x') },
  { what: '201 with Location', send: get, serve: answers(201, { Location: 'http://shop/1' }) },
  { what: '204', send: get, serve: answers(204, { ETag: '"1"' }) },
  {
    what: '206 of a range',
    send: get,
    serve: answers(206, { 'Content-Range': 'bytes 0-2/9', 'Accept-Ranges': 'bytes' }, 'abc'),
  },
  { what: '302', send: get, serve: answers(302, { Location: '/elsewhere' }, 'moved') },
  {
    what: '304 with the length of what is not sent',
    send: get,
    serve: answers(304, { ETag: '"1"', 'Content-Length': '9' }),
  },
  {
    what: '401 with a challenge',
    send: get,
    serve: answers(401, { 'WWW-Authenticate': ['Basic realm="a"', 'Bearer'] }),
  },
  { what: '503 with Retry-After', send: get, serve: answers(503, { 'Retry-After': '7' }, 'later') },
  { what: 'HEAD with a length', send: head('HEAD /x'), serve: answers(200, { 'Content-Length': '9' }) },
  { what: 'HEAD without a length', send: head('HEAD /x'), serve: answers(200, { 'X-Kept': '1' }) },
  {
    what: 'an answer before the body has come',
    send: head('POST /early', 'Content-Length: 1000') + 'part',
    serve: answers(413, { Connection: 'close' }, 'too large'),
    abortAt: 'too large',
  },
  { what: 'two requests in one segment', send: head('GET /echo?1') + head('GET /echo?2') },
  {
    what: 'an offer of h2c',
    send: head(
      'GET /echo',
      'Connection: Upgrade, HTTP2-Settings',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
    ),
  },
  {
    what: 'an upgrade',
    send: [
      [head('GET /upgrade', 'Connection: Upgrade', 'Upgrade: echo'), '\r\n\r\n'],
      ['ping', 'ping'],
    ],
    abortAt: 'ping',
  },
  { what: 'an upgrade that is refused', send: head('GET /refused', 'Connection: Upgrade', 'Upgrade: echo') },
  {
    what: 'a client that goes within its body',
    send: head('POST /echo', 'Content-Length: 1000') + 'part',
    abortAt: '',
  },
  { what: 'a client that goes while it waits', send: get, serve: () => undefined, abortAt: '' },
  {
    what: 'a client that goes within the answer',
    send: get,
    serve: (_request, response) => void response.write('part'),
    abortAt: 'part',
  },
  {
    what: 'a service that goes before its answer',
    send: get,
    serve: ({ socket }) => void socket.destroy(),
    through: [502],
  },
  {
    what: 'a service that goes within its head',
    send: get,
    serve: ({ socket }) => void socket.end('HTTP/1.1 200 O'),
    through: [502],
  },
  {
    what: 'a service that goes within a body with a length',
    send: get,
    serve: ({ socket }, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('part', () => socket.destroy());
    },
  },
  {
    what: 'a service that goes within a body in chunks',
    send: get,
    serve: ({ socket }, response) => {
      response.write('part', () => socket.destroy());
    },
  },
];
