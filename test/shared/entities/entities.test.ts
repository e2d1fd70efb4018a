import { expect } from 'chai';
import { checkEntity } from '../../../shared/entities/check-entity.ts';
import { consumerEntity } from '../../../shared/entities/consumer.ts';
import type { EntityDescriptor } from '../../../shared/entities/entity.ts';
import { normalizePath } from '../../../shared/path.ts';
import { routeEntity } from '../../../shared/entities/route.ts';
import { serviceEntity } from '../../../shared/entities/service.ts';
import { faultTree } from '../../../shared/schema/faults.ts';

/** The faults of an entity that is good but for what is given. */
function faultsOf(entity: EntityDescriptor, input: object): object {
  const base = entity === serviceEntity ? { host: 'a' } : {};
  const checked = checkEntity({ entity, plugins: {}, input: { ...base, ...input } });
  return checked.kind === 'ok' ? {} : faultTree(checked.faults);
}

type Row = readonly [input: object, faults: object];

function table(entity: EntityDescriptor, rows: readonly Row[]): void {
  for (const [input, faults] of rows) {
    it(JSON.stringify(input), () => expect(faultsOf(entity, input)).to.deep.equal(faults));
  }
}

const name = (value: string) =>
  `invalid value '${value}': the only accepted ascii characters are alphanumerics or ., -, _, and ~`;
const tag = (value: string) =>
  `invalid tag '${value}': expected printable ascii (except \`,\` and \`/\`) or valid utf-8 sequences`;

describe('services', () => {
  const conditional = "failed conditional validation given value of field 'protocol'";
  table(serviceEntity, [
    [{}, {}],
    [{ host: null }, { host: 'required field missing' }],
    [{ host: '' }, { host: 'length must be at least 1' }],
    [{ host: 'a b' }, { host: 'invalid value: a b' }],
    [{ host: 'a'.repeat(64) }, {}],
    [{ host: '1.2.3.4.5' }, { host: 'invalid value: 1.2.3.4.5' }],
    [{ host: '999.1.1.1' }, { host: 'invalid value: 999.1.1.1' }],
    [{ host: '10.0.0.1' }, {}],
    [{ host: 'a/b' }, { host: 'invalid value: a/b' }],
    [{ host: 'under_score.example' }, {}],
    [{ host: '10.0.0.1' }, {}],
    [{ host: '::1' }, {}],
    [{ host: '[::1]' }, {}],
    [{ name: 'a.-_~Z9é漢' }, {}],
    [{ name: 'a b' }, { name: name('a b') }],
    [{ name: 'a/b' }, { name: name('a/b') }],
    [{ tags: ['a b', 'é', 'x:y'] }, {}],
    [{ tags: ['a,b'] }, { tags: [tag('a,b')] }],
    [{ tags: ['ok', 'a/b'] }, { tags: [null, tag('a/b')] }],
    [{ tags: ['a\nb'] }, { tags: [tag('a\nb')] }],
    [{ protocol: 'tcp' }, { protocol: 'expected one of: http, https, grpc, grpcs' }],
    [{ port: 65_536 }, { port: 'value should be between 0 and 65535' }],
    [{ path: 'a' }, { path: 'should start with: /' }],
    [{ path: '/a//b' }, { path: 'must not have empty segments' }],
    [{ path: '/a%zz' }, { path: "invalid url-encoded value: '%zz'" }],
    [{ path: '/é' }, { path: "invalid path: '/é' (characters outside of the reserved list of RFC 3986 found)" }],
    [
      { path: '/a', protocol: 'grpc' },
      { '@entity': [conditional], path: 'value must be null' },
    ],
    [{ retries: 32_768 }, { retries: 'value should be between 0 and 32767' }],
    [{ connect_timeout: 0 }, { connect_timeout: 'value should be between 1 and 2147483646' }],
    [{ write_timeout: 2_147_483_647 }, { write_timeout: 'value should be between 1 and 2147483646' }],
    [{ read_timeout: 2_147_483_646 }, {}],
    [{ tls_verify_depth: 65, protocol: 'https' }, { tls_verify_depth: 'value should be between 0 and 64' }],
    [{ tls_verify: true, protocol: 'https' }, {}],
    [{ tls_verify: true }, { '@entity': [conditional], tls_verify: 'value must be null' }],
    [{ ca_certificates: ['x'], protocol: 'https' }, { ca_certificates: ['expected a valid UUID'] }],
    [
      { url: 'x', name: 'a b', host: undefined },
      { url: 'missing host in url', name: name('a b') },
    ],
    [{ url: 5 }, { url: 'expected a string' }],
    [{ url: 'ftp://a' }, { protocol: 'expected one of: http, https, grpc, grpcs' }],
  ]);
});

describe('routes', () => {
  const one = (names: string, protocol: string) => ({
    '@entity': [`must set one of ${names} when 'protocols' is '${protocol}'`],
  });
  const mixed = { protocols: "these sets are mutually exclusive: ('http', 'https'), ('grpc', 'grpcs')" };
  const grpc = { protocols: ['grpc'], strip_path: false };
  const start = 'should start with: / (fixed path) or ~/ (regex path)';
  const status = { https_redirect_status_code: 'expected one of: 426, 301, 302, 307, 308' };
  const noHost = "cannot contain 'host' header, which must be specified in the 'hosts' attribute";
  table(routeEntity, [
    [{ paths: ['/'] }, {}],
    [{ methods: ['GET'] }, {}],
    [{ hosts: ['a'] }, {}],
    [{ headers: { x: ['a'] } }, {}],
    [{ snis: ['a'] }, {}],
    [{}, one("'methods', 'hosts', 'headers', 'paths', 'snis'", 'https')],
    [{ paths: [], hosts: [] }, one("'methods', 'hosts', 'headers', 'paths', 'snis'", 'https')],
    [{ protocols: ['http'] }, one("'methods', 'hosts', 'headers', 'paths'", 'http')],
    [{ ...grpc }, one("'hosts', 'headers', 'paths'", 'grpc')],
    [{ ...grpc, protocols: ['grpcs'] }, one("'hosts', 'headers', 'paths', 'snis'", 'grpcs')],
    [{ ...grpc, hosts: ['a'] }, {}],
    [
      { ...grpc, hosts: ['a'], methods: ['POST'] },
      { methods: "cannot set 'methods' when 'protocols' is 'grpc' or 'grpcs'" },
    ],
    [
      { protocols: ['grpcs'], hosts: ['a'], strip_path: true },
      { strip_path: "cannot set 'strip_path' when 'protocols' is 'grpc' or 'grpcs'" },
    ],
    [{ protocols: ['http', 'grpc'], strip_path: false, hosts: ['a'] }, mixed],
    [{ protocols: [], hosts: ['a'] }, { protocols: 'length must be at least 1' }],
    [{ protocols: ['tcp'], hosts: ['a'] }, { protocols: ['expected one of: grpc, grpcs, http, https'] }],
    [
      { protocols: ['http'], paths: ['/'], snis: ['a'] },
      { '@entity': ["'snis' can only be set when 'protocols' is 'grpcs' or 'https'"], snis: 'length must be 0' },
    ],
    [{ methods: ['get'] }, { methods: ['invalid value: get'] }],
    [{ methods: ['PROPFIND'] }, {}],
    [{ paths: ['a'] }, { paths: [start] }],
    [{ paths: ['/ok', '~a'] }, { paths: [null, start] }],
    [{ paths: ['/a//b'] }, { paths: ['must not have empty segments'] }],
    [{ paths: ['/a/../b'] }, { paths: ["non-normalized path, consider use '/b' instead"] }],
    [{ paths: ['/%7Euser'] }, { paths: ["non-normalized path, consider use '/~user' instead"] }],
    [{ paths: ['/%2f'] }, { paths: ["non-normalized path, consider use '/%2F' instead"] }],
    [{ paths: ['/a%2Fb', '/a/', '/.well-known'] }, {}],
    [{ paths: ['/a{b}', '/ä', '/漢字/"x"', '/a|b', '/ä/%7B'] }, {}],
    [{ paths: ['/ä/../ö'] }, { paths: ["non-normalized path, consider use '/ö' instead"] }],
    [{ paths: ['/ä/%2f'] }, { paths: ["non-normalized path, consider use '/ä/%2F' instead"] }],
    [
      { paths: ['/a b'] },
      { paths: ["invalid path: '/a b' (characters outside of the reserved list of RFC 3986 found)"] },
    ],
    [{ paths: ['~/users/(?<id>\\d+)$', '~/a//b'] }, {}],
    [{ paths: ['~/(a'] }, { paths: ["invalid regex: '/(a' (error parsing regexp: missing closing ): `/(a`)"] }],
    [
      { paths: ['~/(?=a)'] },
      { paths: ["invalid regex: '/(?=a)' (error parsing regexp: invalid or unsupported Perl syntax: `(?=`)"] },
    ],
    [
      { hosts: ['*.example.com', 'example.*', 'a.example:8080', '*.example.com:80', '10.0.0.1', '[::1]:80', '::1'] },
      {},
    ],
    [{ hosts: [`${'a'.repeat(64)}.example`] }, {}],
    [{ hosts: ['1.2.3'] }, { hosts: ['invalid value: 1.2.3'] }],
    [{ hosts: ['300.1.1.1:80'] }, { hosts: ['invalid value: 300.1.1.1:80'] }],
    [{ hosts: ['a.*.com'] }, { hosts: ['invalid wildcard: must be placed at leftmost or rightmost label'] }],
    [{ hosts: ['*a.com'] }, { hosts: ['invalid wildcard: must be placed at leftmost or rightmost label'] }],
    [{ hosts: ['*'] }, { hosts: ['invalid wildcard: must be placed at leftmost or rightmost label'] }],
    [{ hosts: ['*.a.*'] }, { hosts: ['invalid wildcard: must have at most one wildcard'] }],
    [{ hosts: ['a b'] }, { hosts: ['invalid value: a b'] }],
    [{ hosts: ['a:99999'] }, { hosts: ['invalid port: must be between 0 and 65535'] }],
    [{ snis: ['a.example', '*.example'] }, {}],
    [{ snis: ['1.2.3.4'] }, { snis: ['must not be an IP'] }],
    [{ snis: ['a:443'] }, { snis: ['must not have a port'] }],
    [{ headers: { Host: ['a'] } }, { headers: { Host: noHost } }],
    [{ headers: { x: [] } }, { headers: { x: 'length must be at least 1' } }],
    [{ headers: { x: 'a' } }, { headers: { x: 'expected an array' } }],
    [{ headers: { 'x y': ['a'] } }, { headers: { 'x y': "bad header name 'x y'" } }],
    [{ headers: { x: ['~*^a+$'] } }, {}],
    [
      { headers: { x: ['~*('] } },
      { headers: { x: ["invalid regex: '(' (error parsing regexp: missing closing ): `(`)"] } },
    ],
    [{ headers: { x: ['~*(', 'b'] } }, {}],
    [{ paths: ['/'], https_redirect_status_code: 303 }, status],
    [{ paths: ['/'], path_handling: 'v2' }, { path_handling: 'expected one of: v0, v1' }],
    [{ paths: ['/'], regex_priority: 1.5 }, { regex_priority: 'expected an integer' }],
    [{ paths: ['/'], sources: null, destinations: null }, {}],
    [{ paths: ['/'], sources: [{ ip: '1.2.3.4' }] }, { sources: 'value must be null' }],
    [
      { paths: ['x'], hosts: ['*'], strip_path: 1 },
      {
        paths: [start],
        hosts: ['invalid wildcard: must be placed at leftmost or rightmost label'],
        strip_path: 'expected a boolean',
      },
    ],
  ]);

  it('strips no path of gRPC unless it is asked to', () => {
    for (const [protocols, strips] of [
      [['grpc'], false],
      [['grpc', 'grpcs'], false],
      [['http', 'https'], true],
      [undefined, true],
    ] as const) {
      const input = { hosts: ['a'], ...(protocols && { protocols }) };
      const checked = checkEntity({ entity: routeEntity, plugins: {}, input });
      expect(checked.kind === 'ok' && checked.value, JSON.stringify(input)).to.include({ strip_path: strips });
    }
  });

  it('has the defaults of Kong', () => {
    const checked = checkEntity({ entity: routeEntity, plugins: {}, input: { paths: ['/'] } });
    expect(checked.kind === 'ok' && checked.value).to.include({
      https_redirect_status_code: 426,
      regex_priority: 0,
      strip_path: true,
      path_handling: 'v0',
      preserve_host: false,
      request_buffering: true,
      response_buffering: true,
      service: null,
    });
    expect(checked.kind === 'ok' && checked.value['protocols']).to.deep.equal(['http', 'https']);
  });
});

describe('consumers', () => {
  const one = { '@entity': ["at least one of these fields must be non-empty: 'custom_id', 'username'"] };
  table(consumerEntity, [
    [{ username: 'a b@c' }, {}],
    [{ custom_id: 'x' }, {}],
    [{}, one],
    [{ username: null, tags: ['x'] }, one],
    [{ username: '' }, { username: 'length must be at least 1' }],
  ]);
});

describe('normalised paths', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['/', '/'],
    ['/a/b', '/a/b'],
    ['/a/b/', '/a/b/'],
    ['//a///b', '/a/b'],
    ['/a/./b', '/a/b'],
    ['/a/..', '/'],
    ['/a/../', '/'],
    ['/../../a', '/a'],
    ['/a/b/..', '/a/'],
    ['/a/.', '/a/'],
    ['/%61%2e%2E/b', '/a../b'],
    ['/a/%2e%2e/b', '/b'],
    ['/%e9', '/%E9'],
  ];
  for (const [path, normalized] of rows) {
    it(path, () => {
      expect(normalizePath(path)).to.equal(normalized);
      expect(normalizePath(normalized)).to.equal(normalized);
    });
  }
});
