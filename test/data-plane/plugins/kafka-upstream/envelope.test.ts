import { expect } from 'chai';
import * as fc from 'fast-check';
import { gzipSync, deflateSync, deflateRawSync, brotliCompressSync } from 'node:zlib';
import { decodeContent } from '../../../../data-plane/plugins/kafka-upstream/content-encoding.ts';
import { compileValueText } from '../../../../data-plane/plugins/kafka-upstream/record.ts';
import { bodyKind } from '../../../../data-plane/plugins/kafka-upstream/media-type.ts';
import { HeaderList } from '../../../../data-plane/proxy/header-list.ts';
import { RequestError } from '../../../../shared/errors.ts';
import { buildConfig } from './build-config.ts';

interface Request {
  readonly method?: string;
  readonly target?: string;
  readonly headers?: string[];
  readonly body?: string | Buffer;
}

/** The record value's text of a request under a configuration. */
async function valueOf(config: Readonly<Record<string, unknown>>, request: Request): Promise<string> {
  const { method = 'POST', target = '/', headers = [], body = '' } = request;
  const query = target.includes('?') ? target.slice(target.indexOf('?') + 1) : '';
  const exchange = { method, target, query, headers: new HeaderList(headers) };
  return compileValueText(buildConfig(config), null)(exchange, Buffer.from(body), 0);
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof RequestError) return error.code;
    throw error;
  }
  return 'none';
}

const json = ['Content-Type', 'application/json; charset=utf-8'];
const form = ['content-type', 'application/x-www-form-urlencoded'];
const multipart = ['content-type', 'multipart/form-data; boundary=X'];
const part = (name: string, value: string): string =>
  `--X\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;

describe('envelope', () => {
  const cases: [what: string, config: Readonly<Record<string, unknown>>, request: Request, value: string][] = [
    ['GET without body or type', {}, { method: 'GET' }, '{"body":"","body_args":{},"body_base64":true}'],
    [
      'a form',
      {},
      { headers: form, body: 'foo=bar&count=4' },
      '{"body":"foo=bar&count=4","body_args":{"foo":"bar","count":"4"}}',
    ],
    [
      'a form with repeats, a bare name and escapes',
      {},
      { headers: form, body: 'a=1&a=2&b&c%20d=%C3%BC+x&__proto__=1' },
      '{"body":"a=1&a=2&b&c%20d=%C3%BC+x&__proto__=1","body_args":{"a":["1","2"],"b":true,"c d":"ü x","__proto__":"1"}}',
    ],
    [
      'JSON, numbers as they came',
      {},
      { headers: json, body: '{"id":9007199254740993, "n":1.10}' },
      '{"body":"{\\"id\\":9007199254740993, \\"n\\":1.10}","body_args":{"id":9007199254740993, "n":1.10}}',
    ],
    [
      'a JSON array of a +json type',
      {},
      { headers: ['content-type', 'Application/Vnd.x+JSON'], body: '[1]' },
      '{"body":"[1]","body_args":[1]}',
    ],
    ['text', {}, { headers: ['content-type', 'text/plain'], body: 'hé"' }, '{"body":"hé\\"","body_args":{}}'],
    [
      'text that is not UTF-8',
      {},
      { headers: ['content-type', 'text/xml'], body: Buffer.from([0xff]) },
      '{"body":"/w==","body_args":{},"body_base64":true}',
    ],
    [
      'another type',
      {},
      { headers: ['content-type', 'image/png'], body: 'x' },
      '{"body":"eA==","body_args":{},"body_base64":true}',
    ],
    [
      'all parts',
      { forward_method: true, forward_uri: true, forward_headers: true, forward_body: false },
      { method: 'PUT', target: '/a%20b?x=1&x=2&y', headers: ['X-One', 'a', 'x-one', 'b', 'Host', 'h'] },
      '{"method":"PUT","headers":{"x-one":["a","b"],"host":"h"},"uri":"/a%20b?x=1&x=2&y","uri_args":{"x":["1","2"],"y":true}}',
    ],
    [
      'uri without query, and body',
      { forward_uri: true },
      { target: '/p', headers: ['content-type', 'text/plain'], body: 'b' },
      '{"uri":"/p","uri_args":{},"body":"b","body_args":{}}',
    ],
  ];
  for (const [what, config, request, value] of cases) {
    it(`of ${what}`, async () => expect(await valueOf(config, request)).to.equal(value));
  }

  it('of multipart', async () => {
    const body = `${part('a', '1')}${part('b', 'ü')}${part('a', '2')}--X--\r\n`;
    const value: unknown = JSON.parse(await valueOf({}, { headers: multipart, body }));
    expect(value).to.deep.equal({ body, body_args: { a: ['1', '2'], b: 'ü' } });
    const binary = Buffer.from(`${part('a', '\u00ff')}--X--\r\n`, 'latin1');
    expect(JSON.parse(await valueOf({}, { headers: multipart, body: binary }))).to.deep.equal({
      body: binary.toString('base64'),
      body_args: { a: '/w==' },
      body_base64: true,
    });
  });

  const broken: [string, Request][] = [
    ['a JSON scalar', { headers: json, body: '5' }],
    ['JSON null', { headers: json, body: 'null' }],
    ['broken JSON', { headers: json, body: '{' }],
    ['JSON that would leave its place', { headers: json, body: '{},"x":1' }],
    ['no JSON', { headers: json, body: '' }],
    ['JSON that is not UTF-8', { headers: json, body: Buffer.from([0x22, 0xff, 0x22]) }],
    ['multipart without end', { headers: multipart, body: part('a', '1') }],
    ['multipart without boundary', { headers: ['content-type', 'multipart/form-data'], body: 'x' }],
  ];
  for (const [what, request] of broken) {
    it(`refuses ${what}`, async () => expect(await codeOf(valueOf({}, request))).to.equal('BODY_INVALID'));
  }

  it('holds every byte of any body', async () => {
    const types = ['text/plain', 'application/x-www-form-urlencoded', 'application/octet-stream', 'text/html'];
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), fc.constantFrom(...types), async (bytes, type) => {
        const text = await valueOf({}, { headers: ['content-type', type], body: Buffer.from(bytes) });
        const value = JSON.parse(text) as { body: string; body_base64?: true };
        expect(Buffer.from(value.body, value.body_base64 ? 'base64' : 'utf8')).to.deep.equal(Buffer.from(bytes));
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.json(), async (body) => {
        fc.pre(/^\s*[[{]/.test(body));
        const value: unknown = JSON.parse(await valueOf({}, { headers: json, body }));
        expect(value).to.deep.equal({ body, body_args: JSON.parse(body) });
      }),
    );
  });

  it('is replaced by the body for a schema', async () => {
    const config = { record_value: 'body' };
    expect(await valueOf(config, { headers: json, body: '{"a":1}' })).to.equal('{"a":1}');
    expect(await valueOf(config, { headers: form, body: 'a=1' })).to.equal('{"a":"1"}');
    expect(await valueOf(config, { headers: multipart, body: `${part('a', '1')}--X--` })).to.equal('{"a":"1"}');
    expect(await codeOf(valueOf(config, { body: Buffer.from([0xff]) }))).to.equal('BODY_INVALID');
  });

  it('knows media types', () => {
    expect(
      [undefined, 'TEXT/HTML ; a=b', 'application/soap+xml', 'a/b+json', '+json', 'constructor'].map(bodyKind),
    ).to.deep.equal(['binary', 'text', 'text', 'json', 'binary', 'binary']);
  });
});

describe('content encoding', () => {
  const text = Buffer.from('hello hello hello');
  const good: [string, Buffer][] = [
    ['gzip', gzipSync(text)],
    ['GZIP', gzipSync(text)],
    ['deflate', deflateSync(text)],
    ['deflate', deflateRawSync(text)],
    ['br', brotliCompressSync(text)],
    ['identity', text],
  ];
  for (const [encoding, body] of good) {
    it(`undoes ${encoding}`, async () => expect(await decodeContent(encoding, body, 17)).to.deep.equal(text));
  }

  it('refuses what it cannot or must not decode', async () => {
    expect(await codeOf(decodeContent('zstd', text, 100))).to.equal('ENCODING_UNSUPPORTED');
    expect(await codeOf(decodeContent('gzip, br', text, 100))).to.equal('ENCODING_UNSUPPORTED');
    expect(await codeOf(decodeContent('gzip', text, 100))).to.equal('BODY_INVALID');
    expect(await codeOf(decodeContent('gzip', gzipSync(text).subarray(0, 20), 100))).to.equal('BODY_INVALID');
    expect(await codeOf(decodeContent('gzip', gzipSync(Buffer.alloc(1_000_000)), 1000))).to.equal('BODY_TOO_LARGE');
  });
});
