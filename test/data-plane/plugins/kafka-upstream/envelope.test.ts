import { expect } from 'chai';
import * as fc from 'fast-check';
import { gzipSync, deflateSync, deflateRawSync, brotliCompressSync } from 'node:zlib';
import { decodeContent } from '../../../../data-plane/plugins/kafka-upstream/content-encoding.ts';
import { compileContent } from '../../../../data-plane/plugins/kafka-upstream/record-value.ts';
import { bodyKind } from '../../../../data-plane/plugins/kafka-upstream/media-type.ts';
import { HeaderList } from '../../../../data-plane/plugin-api/header-list.ts';
import { RequestError } from '../../../../shared/errors.ts';
import { buildConfig } from './build-config.ts';
import { access, exchange, Fakes } from './plugin-fakes.ts';

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
  return String(await compileContent(buildConfig(config), true, null)(exchange, Buffer.from(body), 0));
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
      'headers by what their bytes say, names that JavaScript knows too',
      { forward_headers: true, forward_body: false },
      { headers: ['x', Buffer.from('ü').toString('latin1'), 'y', '\xfc', '__proto__', '1', '__proto__', '2'] },
      '{"headers":{"x":"ü","y":"ü","__proto__":["1","2"]}}',
    ],
    ['an empty body of a known type', {}, { headers: ['content-type', 'text/plain'] }, '{"body":"","body_args":{}}'],
    ['an empty form', {}, { headers: form }, '{"body":"","body_args":{}}'],
    [
      'a form that is not UTF-8',
      {},
      { headers: form, body: Buffer.from([0x61, 0x3d, 0xff]) },
      '{"body":"YT3/","body_args":{},"body_base64":true}',
    ],
    [
      'gRPC',
      { forward_method: true },
      { headers: ['content-type', 'application/grpc'], body: Buffer.from([8, 1]) },
      '{"method":"POST","body":"CAE=","body_args":{},"body_base64":true}',
    ],
    [
      'a query with repeats, bare names and nothing',
      { forward_uri: true, forward_body: false },
      { target: '/?a=1&&a&a=&b=%zz&=x' },
      '{"uri":"/?a=1&&a&a=&b=%zz&=x","uri_args":{"a":["1",true,""],"b":"%zz","":"x"}}',
    ],
    [
      'uri without query, and body',
      { forward_uri: true },
      { target: '/p', headers: ['content-type', 'text/plain'], body: 'b' },
      '{"uri":"/p","uri_args":{},"body":"b","body_args":{}}',
    ],
  ];
  for (const [what, config, request, value] of cases) {
    it(`holds ${what}`, async () => expect(await valueOf(config, request)).to.equal(value));
  }

  it('holds the parts of multipart', async () => {
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

  it('refuses more than 1,000 arguments of a query, fields of a form or parts, where it reads them', async () => {
    const repeated = (count: number): string => Array.from({ length: count }, () => 'a=').join('&');
    const parts = (count: number): string => `${Array.from({ length: count }, () => part('a', '1')).join('')}--X--\r\n`;
    const outcomes = async (count: number): Promise<string[]> => [
      await codeOf(valueOf({ forward_uri: true }, { target: `/?${repeated(count)}` })),
      await codeOf(valueOf({}, { target: `/?${repeated(count)}` })),
      await codeOf(valueOf({}, { headers: form, body: repeated(count) })),
      await codeOf(valueOf({ record_value: 'body' }, { headers: form, body: repeated(count) })),
      await codeOf(valueOf({}, { headers: multipart, body: parts(count) })),
    ];
    expect(await outcomes(1_000)).to.deep.equal(['none', 'none', 'none', 'none', 'none']);
    expect(await outcomes(1_001)).to.deep.equal([
      'ARGUMENTS_TOO_MANY',
      'none',
      'BODY_INVALID',
      'BODY_INVALID',
      'BODY_INVALID',
    ]);
  });

  const disposition = (parameters: string): string => `Content-Disposition: form-data; ${parameters}`;
  const multiparts: [what: string, lines: string[], args: string][] = [
    ['a file', [disposition('name="f"; filename="a.txt"'), 'Content-Type: text/plain', '', 'data'], '{"f":"data"}'],
    ['names of any text', [disposition('name="ü\\"_"'), '', 'v'], '{"ü\\"_":"v"}'],
    ['a name that JavaScript knows', [disposition('name="__proto__"'), '', 'v'], '{"__proto__":"v"}'],
    ['an empty name and value', [disposition('name=""'), '', ''], '{"":""}'],
    ['a value of several lines', [disposition('name="a"'), '', 'x', '', 'y --X z'], '{"a":"x\\r\\n\\r\\ny --X z"}'],
    ['repeated names', [disposition('name=a'), '', '1', '--X', disposition('name=a'), '', '2'], '{"a":["1","2"]}'],
    [
      'other headers',
      ['X-A: b', disposition('name="a"'), 'Content-Transfer-Encoding: base64', '', 'eA=='],
      '{"a":"eA=="}',
    ],
  ];
  for (const [what, lines, args] of multiparts) {
    it(`holds multipart with ${what}`, async () => {
      for (const boundary of ['X', '"X"']) {
        const headers = ['content-type', `Multipart/Form-Data; charset=utf-8; boundary=${boundary}`];
        const body = `preamble\r\n--X\r\n${lines.join('\r\n')}\r\n--X--\r\nepilogue`;
        expect(await valueOf({}, { headers, body })).to.equal(`{"body":${JSON.stringify(body)},"body_args":${args}}`);
      }
    });
  }

  it('leaves out the byte order mark of JSON and keeps that of text', async () => {
    const body = '\ufeff{"a":1}';
    expect(await valueOf({}, { headers: json, body })).to.equal('{"body":"{\\"a\\":1}","body_args":{"a":1}}');
    expect(await valueOf({ record_value: 'body' }, { headers: json, body })).to.equal('{"a":1}');
    const text = ['content-type', 'text/plain'];
    expect(await valueOf({}, { headers: text, body: '\ufeffa' })).to.equal('{"body":"\ufeffa","body_args":{}}');
  });

  const broken: [string, Request][] = [
    ['a JSON scalar', { headers: json, body: '5' }],
    ['JSON null', { headers: json, body: 'null' }],
    ['broken JSON', { headers: json, body: '{' }],
    ['JSON that would leave its place', { headers: json, body: '{},"x":1' }],
    ['no JSON', { headers: json, body: '' }],
    ['JSON that is not UTF-8', { headers: json, body: Buffer.from([0x22, 0xff, 0x22]) }],
    ['multipart without end', { headers: multipart, body: part('a', '1') }],
    ['multipart without a byte', { headers: multipart }],
    ['multipart of another boundary', { headers: multipart, body: '--Y\r\n\r\n--Y--' }],
    ['multipart that ends within its headers', { headers: multipart, body: '--X\r\nContent-Disp' }],
    ['multipart that ends within its last boundary', { headers: multipart, body: `${part('a', '1')}--X-` }],
    ['a part without a name', { headers: multipart, body: '--X\r\nContent-Disposition: form-data\r\n\r\nv\r\n--X--' }],
    ['a part without headers', { headers: multipart, body: `--X\r\n\r\nv\r\n${part('a', '1')}--X--` }],
    [
      'a part without a disposition',
      { headers: multipart, body: `${part('a', '1')}--X\r\nContent-Type: a/b\r\n\r\nv\r\n--X--` },
    ],
    [
      'a part of another disposition',
      { headers: multipart, body: '--X\r\nContent-Disposition: attachment; name="a"\r\n\r\nv\r\n--X--' },
    ],
    ['too many parts', { headers: multipart, body: `${part('a', '').repeat(1_001)}--X--` }],
    ['multipart without boundary', { headers: ['content-type', 'multipart/form-data'], body: 'x' }],
  ];
  for (const [what, request] of broken) {
    it(`refuses ${what}`, async () => expect(await codeOf(valueOf({}, request))).to.equal('BODY_INVALID'));
  }

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

const encoders: Readonly<Record<string, (bytes: Uint8Array) => Buffer>> = {
  gzip: (bytes) => gzipSync(bytes),
  deflate: (bytes) => deflateSync(bytes),
  br: (bytes) => brotliCompressSync(bytes),
};

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
  const decode = (encoding: string, body: Buffer, bytesMax: number): Promise<Buffer> =>
    decodeContent(new HeaderList(['content-encoding', encoding]), body, bytesMax);
  for (const [encoding, body] of good) {
    it(`decodes ${encoding}`, async () => expect(await decode(encoding, body, 17)).to.deep.equal(text));
  }

  it('leaves an empty body empty, in every encoding', async () => {
    for (const [encoding] of good) {
      expect(await decode(encoding, Buffer.alloc(0), 10)).to.deep.equal(Buffer.alloc(0));
    }
    expect(await codeOf(decode('zstd', Buffer.alloc(0), 10))).to.equal('ENCODING_UNSUPPORTED');
  });

  for (const [encoding, compress] of Object.entries(encoders)) {
    it(`bounds the decoded size of ${encoding}, at the byte`, async () => {
      expect(await decode(encoding, compress(Buffer.alloc(1_000)), 1_000)).to.have.length(1_000);
      for (const bytes of [1_001, 20_000_000]) {
        expect(await codeOf(decode(encoding, compress(Buffer.alloc(bytes)), 1_000))).to.equal('BODY_TOO_LARGE');
      }
      const cut = compress(Buffer.from('hello hello')).subarray(0, -3);
      expect(await codeOf(decode(encoding, cut, 1_000))).to.equal('BODY_INVALID');
    });
  }

  it('refuses encodings that it cannot or must not decode', async () => {
    expect(await codeOf(decode('zstd', text, 100))).to.equal('ENCODING_UNSUPPORTED');
    expect(await codeOf(decode('gzip, br', text, 100))).to.equal('ENCODING_UNSUPPORTED');
    expect(await codeOf(decode('gzip', text, 100))).to.equal('BODY_INVALID');
    expect(await codeOf(decode('gzip', gzipSync(text).subarray(0, 20), 100))).to.equal('BODY_INVALID');
    expect(await codeOf(decode('gzip', gzipSync(Buffer.alloc(1_000_000)), 1000))).to.equal('BODY_TOO_LARGE');
  });

  for (const [encoding, compress] of Object.entries(encoders)) {
    it(`refuses bytes behind the end of ${encoding}`, async () => {
      for (const rubbish of [Buffer.from('rubbish'), Buffer.alloc(2)]) {
        const body = Buffer.concat([compress(text), rubbish]);
        expect(await codeOf(decode(encoding, body, 1_000))).to.equal('BODY_INVALID');
      }
    });
  }

  it('takes a gzip body of several members (RFC 1952 section 2.2)', async () => {
    const body = Buffer.concat([gzipSync('hello '), gzipSync('world')]);
    expect(String(await decode('gzip', body, 1_000))).to.equal('hello world');
  });

  it('refuses two headers, as it refuses a list', async () => {
    const headers = new HeaderList(['content-encoding', 'identity', 'Content-Encoding', 'gzip']);
    expect(await codeOf(decodeContent(headers, gzipSync(text), 1_000))).to.equal('ENCODING_UNSUPPORTED');
    const instance = new Fakes().create({ record_value: 'body' });
    const twice = exchange({ headers: ['content-encoding', 'gzip', 'content-encoding', 'br'], body: gzipSync(text) });
    expect(await codeOf(access(instance, twice))).to.equal('ENCODING_UNSUPPORTED');
  });
});

describe('the record of any request', () => {
  const types = [
    'application/json',
    'application/vnd.api+json; charset=utf-8',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=X',
    'text/plain',
    'TEXT/HTML',
    'application/xml',
    'text/xml',
    'application/soap+xml; action=x',
    'application/octet-stream',
    'application/grpc',
    'image/png',
    'nonsense',
    undefined,
  ];
  /** What types with a syntax may refuse. */
  const parsed = /json|multipart/;
  const wrapped: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
    ...encoders,
    'Deflate ': (bytes) => deflateRawSync(bytes),
    identity: (bytes) => bytes,
  };
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
    fc.string({ unit: 'binary', maxLength: 100 }).map((text) => Buffer.from(text)),
    fc.json({ maxDepth: 3 }).map((text) => Buffer.from(text)),
    fc
      .array(fc.tuple(fc.string(), fc.uint8Array({ maxLength: 50 })), { maxLength: 5 })
      .map((parts) =>
        Buffer.concat([
          ...parts.flatMap(([name, value]) => [
            Buffer.from(`--X\r\nContent-Disposition: form-data; name="${encodeURIComponent(name)}"\r\n\r\n`),
            Buffer.from(value),
            Buffer.from('\r\n'),
          ]),
          Buffer.from('--X--\r\n'),
        ]),
      ),
  );
  const requests = fc.record({
    body: bytes,
    type: fc.constantFrom(...types),
    encoding: fc.constantFrom(...Object.keys(wrapped)),
  });
  type GivenRequest = typeof requests extends fc.Arbitrary<infer R> ? R : never;

  async function recordOf(config: Readonly<Record<string, unknown>>, given: GivenRequest): Promise<Buffer | string> {
    const fakes = new Fakes();
    const headers = ['content-encoding', given.encoding];
    if (given.type !== undefined) headers.push('Content-Type', given.type);
    const body = wrapped[given.encoding]?.(given.body) ?? given.body;
    const code = await codeOf(access(fakes.create(config), exchange({ headers, body })));
    return fakes.sent[0]?.record.value ?? code;
  }

  it('holds every byte of the body, in the envelope or by itself', async () => {
    await fc.assert(
      fc.asyncProperty(requests, async (given) => {
        expect(await recordOf({ record_value: 'body' }, given)).to.deep.equal(given.body);
        const value = await recordOf({}, given);
        if (typeof value === 'string') {
          expect(value).to.equal('BODY_INVALID');
          expect(given.type).to.match(parsed);
          return;
        }
        const envelope = JSON.parse(value.toString()) as { body: string; body_args: unknown; body_base64?: true };
        const { body, body_args: args, body_base64: isBase64, ...rest } = envelope;
        expect(rest).to.deep.equal({});
        expect(Buffer.from(body, isBase64 === true ? 'base64' : 'utf8')).to.deep.equal(given.body);
        if (given.type?.includes('json')) expect(args).to.deep.equal(JSON.parse(given.body.toString()));
      }),
      { numRuns: 1_000 },
    );
  });

  it('is made for every JSON object and array', async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), async (text) => {
        const given = { body: Buffer.from(text), type: 'application/json', encoding: 'br' };
        expect(typeof (await recordOf({}, given)) === 'string').to.equal(!/^\s*[[{]/.test(text));
      }),
    );
  });
});
