import { expect } from 'chai';
import { checkEntity } from '../../../shared/entities/check-entity.ts';
import { jwtSecretEntity } from '../../../shared/entities/jwt-secret.ts';
import { normalizeTarget, targetEntity } from '../../../shared/entities/target.ts';
import { upstreamEntity } from '../../../shared/entities/upstream.ts';
import { checkTable } from './check-table.ts';

const id = '11111111-1111-4111-8111-111111111111';
const given = (field: string) => ({ '@entity': [`failed conditional validation given value of field '${field}'`] });
const missing = 'required field missing';

describe('upstreams', () => {
  const name = (value: string, reason: string) => ({ name: `Invalid name ('${value}'); ${reason}` });
  const byte = 'value should be between 0 and 255';
  const others = (...left: string[]) =>
    `expected one of: ${['none', 'consumer', 'ip', 'header', 'cookie', 'path', 'query_arg', 'uri_capture'].filter((input) => !left.includes(input)).join(', ')}`;
  checkTable(
    upstreamEntity,
    () => ({ name: 'u' }),
    () => [
      [{}, {}],
      [{ name: null }, { name: missing }],
      [{ name: 'a b' }, name('a b', 'must be a valid hostname')],
      [{ name: '10.0.0.1' }, name('10.0.0.1', 'no ip addresses allowed')],
      [{ name: '[::1]' }, name('[::1]', 'no ip addresses allowed')],
      [{ name: 'a:80' }, name('a:80', 'no port allowed')],
      [
        { algorithm: 'best' },
        { algorithm: 'expected one of: consistent-hashing, latency, least-connections, round-robin' },
      ],
      [{ algorithm: 'least-connections' }, {}],
      [{ algorithm: 'latency' }, {}],
      [{ name: '1.2.3' }, name('1.2.3', 'must be a valid hostname')],
      [{ hash_on: 'x' }, { hash_on: others() }],
      [{ hash_on: 'header' }, { ...given('hash_on'), hash_on_header: missing }],
      [{ hash_on: 'header', hash_on_header: 'x-a' }, {}],
      [{ hash_on: 'header', hash_on_header: 'x a' }, { hash_on_header: "bad header name 'x a'" }],
      [
        { hash_on: 'ip', hash_fallback: 'header' },
        { ...given('hash_fallback'), hash_fallback_header: missing },
      ],
      [
        { hash_on: 'header', hash_on_header: 'a', hash_fallback: 'header', hash_fallback_header: 'a' },
        { '@entity': ["values of these fields must be distinct: 'hash_on_header', 'hash_fallback_header'"] },
      ],
      [{ hash_on: 'header', hash_on_header: 'a', hash_fallback: 'header', hash_fallback_header: 'b' }, {}],
      [{ hash_on: 'query_arg' }, { ...given('hash_on'), hash_on_query_arg: missing }],
      [{ hash_on: 'uri_capture', hash_on_uri_capture: 'a' }, {}],
      [
        { hash_on: 'ip', hash_fallback: 'uri_capture' },
        { ...given('hash_fallback'), hash_fallback_uri_capture: missing },
      ],
      [{ hash_on: 'cookie' }, { ...given('hash_on'), hash_on_cookie: missing }],
      [
        { hash_on: 'ip', hash_fallback: 'cookie' },
        { ...given('hash_fallback'), hash_on_cookie: missing },
      ],
      [{ hash_on: 'ip', hash_fallback: 'cookie', hash_on_cookie: 'c' }, {}],
      [{ hash_on: 'cookie', hash_on_cookie: 'c;d' }, { hash_on_cookie: "bad cookie name 'c;d'" }],
      [{ hash_on_cookie_path: 'x' }, { hash_on_cookie_path: 'should start with: /' }],
      [{ hash_fallback: 'ip' }, { ...given('hash_on'), hash_fallback: 'expected one of: none' }],
      [
        { hash_on: 'cookie', hash_on_cookie: 'c', hash_fallback: 'ip' },
        { ...given('hash_on'), hash_fallback: 'expected one of: none' },
      ],
      [
        { hash_on: 'ip', hash_fallback: 'ip' },
        { ...given('hash_on'), hash_fallback: others('ip') },
      ],
      [
        { hash_on: 'consumer', hash_fallback: 'consumer' },
        { ...given('hash_on'), hash_fallback: others('consumer') },
      ],
      [
        { hash_on: 'path', hash_fallback: 'path' },
        { ...given('hash_on'), hash_fallback: others('path') },
      ],
      [{ hash_on: 'path', hash_fallback: 'ip' }, {}],
      [{ slots: 9 }, { slots: 'value should be between 10 and 65536' }],
      [{ slots: 65_536 }, {}],
      [{ slots: 65_537 }, { slots: 'value should be between 10 and 65536' }],
      [{ host_header: 'a.example:80' }, {}],
      [{ host_header: 'a/b' }, { host_header: 'invalid value: a/b' }],
      [{ use_srv_name: 1 }, { use_srv_name: 'expected a boolean' }],
      [{ client_certificate: { id: 'x' } }, { client_certificate: { id: 'expected a valid UUID' } }],
      [{ healthchecks: null }, { healthchecks: missing }],
      [{ healthchecks: { threshold: 101 } }, { healthchecks: { threshold: 'value should be between 0 and 100' } }],
      [{ healthchecks: { threshold: 12.5 } }, {}],
      [
        {
          healthchecks: {
            active: {
              type: 'udp',
              timeout: -1,
              concurrency: 0,
              http_path: 'x',
              https_sni: '1.2.3.4',
              headers: { 'a b': ['c'], d: 'e' },
              healthy: { interval: 65_536, http_statuses: [99, 200, 1000], successes: 256 },
              unhealthy: { tcp_failures: -1, timeouts: 256, http_failures: 1.5 },
            },
            passive: { type: 'grpcs', healthy: { interval: 1 }, unhealthy: { http_statuses: 'x' } },
          },
        },
        {
          healthchecks: {
            active: {
              type: 'expected one of: tcp, http, https, grpc, grpcs',
              timeout: 'value should be between 0 and 65535',
              concurrency: 'value should be between 1 and 2147483648',
              http_path: 'should start with: /',
              https_sni: 'must not be an IP',
              headers: { 'a b': "bad header name 'a b'", d: 'expected an array' },
              healthy: {
                interval: 'value should be between 0 and 65535',
                http_statuses: ['value should be between 100 and 999', null, 'value should be between 100 and 999'],
                successes: byte,
              },
              unhealthy: { tcp_failures: byte, timeouts: byte, http_failures: 'expected an integer' },
            },
            passive: { healthy: { interval: 'unknown field' }, unhealthy: { http_statuses: 'expected an array' } },
          },
        },
      ],
    ],
  );
});

describe('targets', () => {
  const invalid = (target: string) => ({
    target: `Invalid target ('${target}'); not a valid hostname or ip address`,
  });
  checkTable(
    targetEntity,
    () => ({ upstream: { id }, target: 'a' }),
    () => [
      [{}, {}],
      [{ target: null }, { target: missing }],
      [{ upstream: null }, { upstream: missing }],
      [{ target: 'a b' }, invalid('a b')],
      [{ target: 'a:99999' }, invalid('a:99999')],
      [{ target: 'a:x' }, invalid('a:x')],
      [{ target: ':80' }, invalid(':80')],
      [{ weight: -1 }, { weight: 'value should be between 0 and 65535' }],
      [{ weight: 65_536 }, { weight: 'value should be between 0 and 65535' }],
      [{ weight: 0 }, {}],
      [{ created_at: 1.5, updated_at: 2.25 }, {}],
    ],
  );

  const normal: readonly (readonly [string, string])[] = [
    ['a', 'a:8000'],
    ['a.example:80', 'a.example:80'],
    ['10.0.0.1', '10.0.0.1:8000'],
    ['::1', '[::1]:8000'],
    ['[::1]', '[::1]:8000'],
    ['[::1]:443', '[::1]:443'],
    ['a:080', 'a:80'],
    ['no target', 'no target'],
  ];
  for (const [target, expected] of normal) {
    it(`${target} is ${expected}`, () => {
      expect(normalizeTarget(target)).to.equal(expected);
      expect(normalizeTarget(expected)).to.equal(expected);
    });
  }

  it('are stored with their port', () => {
    const checked = checkEntity({ entity: targetEntity, plugins: {}, input: { target: 'a', upstream: { id } } });
    expect(checked.kind === 'ok' && checked.value).to.include({ target: 'a:8000', weight: 100 });
  });
});

describe('the hash of an upstream', () => {
  const rows: readonly (readonly [input: object, expected: object])[] = [
    [{ hash_on: 'ip' }, { hash_on: 'ip', algorithm: 'consistent-hashing' }],
    [
      { hash_on: 'ip', algorithm: 'round-robin' },
      { hash_on: 'ip', algorithm: 'consistent-hashing' },
    ],
    [
      { hash_on: 'ip', algorithm: 'least-connections' },
      { hash_on: 'none', algorithm: 'least-connections' },
    ],
    [
      { hash_on: 'none', algorithm: 'round-robin' },
      { hash_on: 'none', algorithm: 'round-robin' },
    ],
    [{ algorithm: 'consistent-hashing' }, { hash_on: 'none', algorithm: 'consistent-hashing' }],
    [{}, { hash_on: 'none', algorithm: 'round-robin' }],
  ];
  for (const [input, expected] of rows) {
    it(`agrees with the algorithm for ${JSON.stringify(input)}`, () => {
      const checked = checkEntity({ entity: upstreamEntity, plugins: {}, input: { name: 'u', ...input } });
      expect(checked.kind === 'ok' && checked.value).to.include(expected);
    });
  }
});

describe('jwt secrets', () => {
  const algorithm =
    'expected one of: HS256, HS384, HS512, RS256, RS384, RS512, ES256, ES384, ES512, PS256, PS384, PS512, EdDSA';
  checkTable(
    jwtSecretEntity,
    () => ({ consumer: { id } }),
    () => [
      [{}, {}],
      [{ consumer: null }, { consumer: missing }],
      [{ algorithm: 'none' }, { algorithm }],
      [{ algorithm: 'HS512', secret: 's', key: 'k' }, {}],
      ...['RS256', 'ES384', 'PS512', 'EdDSA'].map(
        (name) => [{ algorithm: name }, { ...given('algorithm'), rsa_public_key: missing }] as const,
      ),
      ...['RS256', 'ES384', 'PS512', 'EdDSA'].map(
        (name) => [{ algorithm: name, rsa_public_key: 'x' }, { rsa_public_key: 'invalid key' }] as const,
      ),
      [{ algorithm: 'HS256', rsa_public_key: 'x' }, {}],
      [{ key: '' }, { key: 'length must be at least 1' }],
    ],
  );
});
