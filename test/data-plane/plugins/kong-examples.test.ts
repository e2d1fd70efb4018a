import { createHmac } from 'node:crypto';
import { expect } from 'chai';
import { compileDocument } from '../../../shared/declarative/compile-document.ts';
import { parseDocument } from '../../../shared/declarative/parse-document.ts';
import { entities } from '../../../shared/entities/entities.ts';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import { GuardFixture, type Request, type Values } from './guard-fixture.ts';
import { signed } from './jwt/tokens.ts';

// Configurations in the form of the examples on Kong's public plugin pages, as documents of decK. Each is loaded as it
// stands there, and does what its page says.

const people = `
consumers:
- username: alex
  keyauth_credentials: [{ key: hello_world }]
  basicauth_credentials: [{ username: alex, password: hello_world }]
  hmacauth_credentials: [{ username: alex, secret: hello_world }, { username: alice123, secret: secret }]
  jwt_secrets: [{ key: YJdmaDvVTJxtcWRCvkMikc8oELgAVNcz, secret: C50k0bcahDhLNhLKSUBSR1OMiFGzNZ7X }]
  acls: [{ group: dev }]
- username: dana
  keyauth_credentials: [{ key: danas_key }]
  acls: [{ group: pro_user }]
- username: anonymous
`;

function documentOf(plugins: string): Values {
  const parsed = parseDocument(`_format_version: "3.0"\n${people}\nplugins:\n${plugins}`);
  if (parsed.kind === 'faults') throw new Error(JSON.stringify(parsed.faults));
  return parsed.document;
}

function load(plugins: string) {
  const auto = { uuid: () => crypto.randomUUID(), token: () => 'word', now: () => 0 };
  return compileDocument({ document: documentOf(plugins), entities, plugins: pluginSchemas, auto });
}

async function guardWith(plugins: string): Promise<GuardFixture> {
  const compiled = load(plugins);
  if (compiled.kind === 'faults') throw new Error(JSON.stringify(compiled.faults));
  const bodies: Record<string, Values[]> = {};
  for (const { entity, value } of compiled.entities) (bodies[entity.plural] ??= []).push(value);
  const guard = new GuardFixture();
  await guard.apply(bodies);
  return guard;
}

const now = () => Math.floor(Date.now() / 1_000);
const jwt = (claims: Values) =>
  signed(
    { alg: 'HS256', typ: 'JWT' },
    { iss: 'YJdmaDvVTJxtcWRCvkMikc8oELgAVNcz', ...claims },
    'C50k0bcahDhLNhLKSUBSR1OMiFGzNZ7X',
  );
const withJwt = (claims: Values): Request => ({ headers: ['Authorization', `Bearer ${jwt(claims)}`] });
const key = (text: string): Request => ({ headers: ['apikey', text] });
const login = (pair: string): Request => ({
  headers: ['Authorization', `Basic ${Buffer.from(pair).toString('base64')}`],
});

/** The requests of the hmac-auth page, with the signatures that stand there. */
const hmacOfPage = (date: string, names: string, signature: string, more: readonly string[] = []): Request => ({
  method: 'GET',
  target: '/requests',
  headers: [
    'Date',
    date,
    ...more,
    'Authorization',
    `hmac username="alice123", algorithm="hmac-sha256", headers="${names}", signature="${signature}"`,
  ],
});
const digest = ['Digest', 'SHA-256=SBH7QEtqnYUpEcIhDbmStNd1MxtHg2+feBfWc1105MA='];

function hmacOfAlex(names: string, lines: (date: string) => readonly string[], body: string): Request {
  const date = new Date().toUTCString();
  const signature = createHmac('sha256', 'hello_world').update(lines(date).join('\n')).digest('base64');
  const authorization = `hmac username="alex", algorithm="hmac-sha256", headers="${names}", signature="${signature}"`;
  return { target: '/x', headers: ['Date', date, ...digest, 'Authorization', authorization], body };
}
const withDigest = (date: string) => [`date: ${date}`, 'POST /x HTTP/1.1', `digest: ${digest[1] ?? ''}`];

const examples: readonly [page: string, plugins: string, request: Request, status: number, told?: string][] = [
  ['key-auth: enable', '- name: key-auth\n  config: {key_names: [apikey]}', key('hello_world'), 200, 'alex'],
  ['key-auth: enable', '- name: key-auth\n  config: {key_names: [apikey]}', key('other'), 401],
  [
    'key-auth: a key in the query, hidden',
    '- name: key-auth\n  config: {key_names: [apikey], hide_credentials: true}',
    { target: '/?apikey=hello_world' },
    200,
    'alex',
  ],
  [
    'basic-auth: enable',
    '- name: basic-auth\n  config: {hide_credentials: true}',
    login('alex:hello_world'),
    200,
    'alex',
  ],
  ['basic-auth: enable', '- name: basic-auth\n  config: {hide_credentials: true}', login('alex:other'), 401],
  ['basic-auth: anonymous', '- name: basic-auth\n  config: {anonymous: anonymous}', {}, 200, 'anonymous'],
  [
    'several authentication methods',
    '- name: key-auth\n  config: {anonymous: anonymous}\n- name: basic-auth\n  config: {anonymous: anonymous}\n- name: request-termination\n  consumer: anonymous\n  config: {status_code: 401, message: Error - Authentication required}',
    {},
    401,
  ],
  [
    'several authentication methods',
    '- name: key-auth\n  config: {anonymous: anonymous}\n- name: basic-auth\n  config: {anonymous: anonymous}\n- name: request-termination\n  consumer: anonymous\n  config: {status_code: 401, message: Error - Authentication required}',
    login('alex:hello_world'),
    200,
    'alex',
  ],
  [
    'acl: allow',
    '- name: key-auth\n- name: acl\n  config: {allow: [dev, admin], hide_groups_header: true}',
    key('hello_world'),
    200,
    'alex',
  ],
  [
    'acl: allow',
    '- name: key-auth\n- name: acl\n  config: {allow: [dev, admin], hide_groups_header: true}',
    key('danas_key'),
    403,
  ],
  ['acl: deny', '- name: key-auth\n- name: acl\n  config: {deny: [pro_user]}', key('danas_key'), 403],
  ['jwt: enable', '- name: jwt', withJwt({}), 200, 'alex'],
  ['jwt: enable', '- name: jwt', {}, 401],
  [
    'jwt: verified claims',
    '- name: jwt\n  config: {claims_to_verify: [exp, nbf]}',
    withJwt({ exp: now() + 3_600, nbf: now() - 60 }),
    200,
    'alex',
  ],
  [
    'jwt: verified claims',
    '- name: jwt\n  config: {claims_to_verify: [exp, nbf]}',
    withJwt({ exp: now() - 60, nbf: now() - 60 }),
    401,
  ],
  [
    'jwt: a cookie',
    '- name: jwt\n  config: {cookie_names: [token_cookie]}',
    { headers: ['Cookie', `token_cookie=${jwt({})}`] },
    200,
    'alex',
  ],
  [
    'hmac-auth: the first signature of the page',
    '- name: hmac-auth\n  config: {clock_skew: 1000000000}',
    hmacOfPage('Thu, 22 Jun 2017 17:15:21 GMT', 'date request-line', 'ujWCGHeec9Xd6UD2zlyxiNMCiXnDOWeVFMu5VeRUxtw='),
    200,
    'alex',
  ],
  [
    'hmac-auth: the signature with a body of the page',
    '- name: hmac-auth\n  config: {clock_skew: 1000000000, validate_request_body: true}',
    {
      ...hmacOfPage(
        'Thu, 22 Jun 2017 21:12:36 GMT',
        'date request-line digest',
        'gaweQbATuaGmLrUr3HE0DzU1keWGCt3H96M28sSHTG8=',
        digest,
      ),
      body: 'A small body',
    },
    200,
    'alex',
  ],
  [
    'hmac-auth: enforced headers and bodies',
    '- name: hmac-auth\n  config: {enforce_headers: [date, request-line], validate_request_body: true, algorithms: [hmac-sha256]}',
    hmacOfAlex('date request-line digest', withDigest, 'A small body'),
    200,
    'alex',
  ],
  [
    'hmac-auth: enforced headers and bodies',
    '- name: hmac-auth\n  config: {enforce_headers: [date, request-line], validate_request_body: true, algorithms: [hmac-sha256]}',
    hmacOfAlex('date request-line digest', withDigest, 'Another body'),
    401,
  ],
  [
    'hmac-auth: enforced headers and bodies',
    '- name: hmac-auth\n  config: {enforce_headers: [date, request-line], validate_request_body: true, algorithms: [hmac-sha256]}',
    hmacOfAlex('date', (date) => [`date: ${date}`], 'A small body'),
    401,
  ],
];

describe("examples of Kong's pages on authentication", () => {
  for (const [page, plugins, request, status, told] of examples) {
    it(`${page}: ${told ?? status}`, async () => {
      const seen = await (await guardWith(plugins)).send(request);
      expect([seen.status, seen.passed?.headers.get('x-consumer-username')]).to.deep.equal([status, told]);
      if (!plugins.includes('hide_credentials: true')) return;
      expect(seen.passed?.headers.get('authorization')).to.equal(undefined);
      expect(seen.passed?.target ?? '').not.to.include('hello_world');
    });
  }

  it('acl: consumer groups are refused by name', () => {
    const compiled = load('- name: acl\n  config: {include_consumer_groups: true, allow: [dev, admin]}');
    expect(compiled.kind === 'faults' && compiled.faults.map(({ path }) => path.at(-1))).to.deep.equal([
      'include_consumer_groups',
    ]);
  });

  it('basic-auth: an export with passwords that Kong hashed is refused by name', () => {
    const parsed = documentOf('- name: basic-auth');
    const consumers = [
      {
        username: 'a',
        basicauth_credentials: [{ username: 'a', password: 'da39a3ee5e6b4b0d3255bfef95601890afd80709' }],
      },
    ];
    const auto = { uuid: () => crypto.randomUUID(), token: () => 'word', now: () => 0 };
    const document = { ...parsed, consumers };
    const compiled = compileDocument({ document, entities, plugins: pluginSchemas, auto });
    expect(compiled.kind === 'faults' && compiled.faults.map(({ message }) => message.slice(0, 33))).to.deep.equal([
      'this looks like a hash of Kong (4',
    ]);
  });
});
