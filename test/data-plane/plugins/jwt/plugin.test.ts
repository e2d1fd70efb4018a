import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { expect } from 'chai';
import { ada, bob, checkedEntities, GuardFixture, guest, people, type Request, type Values } from '../guard-fixture.ts';
import { encoded, keysFor, signed } from './tokens.ts';

const secret = 'a-secret-of-ada';
const bytes = Buffer.from([0, 255, 7, 128]);
const now = Math.floor(Date.now() / 1000);

const keyAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const secretAlgorithms = ['HS256', 'HS384', 'HS512'];

function credentials(): Values[] {
  const consumer = { id: ada.id };
  return [
    { key: 'ada', secret, consumer },
    { key: 'bob', secret: 'a-secret-of-bob', consumer: { id: bob.id } },
    { key: 'base64', secret: bytes.toString('base64'), consumer },
    { key: 'cleared', secret: null, consumer },
    { key: '__proto__', secret, consumer },
    ...secretAlgorithms.map((algorithm) => ({ key: algorithm, algorithm, secret, consumer })),
    ...keyAlgorithms.map((algorithm) => {
      return { key: algorithm, algorithm, rsa_public_key: keysFor(algorithm).publicPem, consumer };
    }),
  ];
}

async function guardWithTokens(config: Values = {}): Promise<GuardFixture> {
  const guard = new GuardFixture();
  await guard.apply({ ...people, jwt_secrets: credentials(), plugins: [{ name: 'jwt', config }] });
  return guard;
}

const bearer = (token: string): Request => ({ headers: ['authorization', `Bearer ${token}`] });
const hs256 = { alg: 'HS256', typ: 'JWT' };
const good = signed(hs256, { iss: 'ada' }, secret);
/** The token with another first character of its signature. */
const flipped = (token: string) =>
  token.replace(/\.(.)(?=[^.]*$)/, (_all, first: string) => `.${first === 'A' ? 'B' : 'A'}`);

describe('the jwt plugin', () => {
  for (const algorithm of [...secretAlgorithms, ...keyAlgorithms]) {
    it(`takes a token signed with ${algorithm}, and none that was changed or signed with another key`, async () => {
      const guard = await guardWithTokens();
      const isSecret = algorithm.startsWith('HS');
      const key = isSecret ? secret : keysFor(algorithm).privateKey;
      const token = signed({ alg: algorithm }, { iss: algorithm, n: 1 }, key);
      const { passed } = await guard.send(bearer(token));
      expect(passed?.headers.get('x-consumer-id')).to.equal(ada.id);
      expect(passed?.headers.get('x-credential-identifier')).to.equal(algorithm);
      const [head = '', , signature = ''] = token.split('.');
      const changed = `${head}.${encoded({ iss: algorithm, n: 2 })}.${signature}`;
      for (const one of [changed, flipped(token)]) {
        const refused = await guard.send(bearer(one));
        expect([refused.status, refused.message]).to.deep.equal([401, 'Invalid signature']);
      }
      const other = isSecret ? 'another secret' : foreignKey(algorithm);
      const foreign = await guard.send(bearer(signed({ alg: algorithm }, { iss: algorithm }, other)));
      expect([foreign.status, foreign.message]).to.deep.equal([401, 'Invalid signature']);
    });
  }

  const rsa = keysFor('RS256');
  const refusals: readonly [title: string, token: string, message: string, config?: Values][] = [
    ['no JWT at all', 'x', 'Bad token; invalid JSON'],
    ['two parts', good.split('.').slice(0, 2).join('.'), 'Bad token; invalid signature'],
    ['four parts', `${good}.x`, 'Bad token; invalid JSON'],
    ['an encrypted token of five parts', 'a.b.c.d.e', 'Bad token; invalid JSON'],
    ['a header that is a list', `${encoded([])}.${encoded({ iss: 'ada' })}.AA`, 'Bad token; invalid header'],
    ['claims that are a list', signed(hs256, ['ada'], secret), 'Bad token; invalid claims'],
    ['claims that are broken JSON', signed(hs256, '{"iss":"ada"', secret), 'Bad token; invalid JSON'],
    ['padding', good.replace('.', '=.'), 'Bad token; invalid JSON'],
    ['another typ', signed({ ...hs256, typ: 'at+jwt' }, { iss: 'ada' }, secret), 'Bad token; invalid typ'],
    ['alg none', `${encoded({ alg: 'none' })}.${encoded({ iss: 'ada' })}.`, 'Bad token; invalid alg'],
    [
      'alg none with a signature',
      `${encoded({ alg: 'none' })}.${encoded({ iss: 'ada' })}.AA`,
      'Bad token; invalid alg',
    ],
    ['alg None', `${encoded({ alg: 'None' })}.${encoded({ iss: 'ada' })}.AA`, 'Bad token; invalid alg'],
    ['alg in lower case', signed({ alg: 'hs256' }, { iss: 'ada' }, secret), 'Bad token; invalid alg'],
    ['no alg', `${encoded({ typ: 'JWT' })}.${encoded({ iss: 'ada' })}.AA`, 'Bad token; invalid alg'],
    ['alg as a list', `${encoded({ alg: ['HS256'] })}.${encoded({ iss: 'ada' })}.AA`, 'Bad token; invalid alg'],
    ['an empty signature', good.replace(/[^.]*$/, ''), 'Bad token; invalid signature'],
    ['the public key as the secret', signed(hs256, { iss: 'RS256' }, rsa.publicPem), 'Invalid algorithm'],
    ['another hash than the credential has', signed({ alg: 'HS512' }, { iss: 'ada' }, secret), 'Invalid algorithm'],
    ['PS256 for an RS256 credential', signed({ alg: 'PS256' }, { iss: 'RS256' }, rsa.privateKey), 'Invalid algorithm'],
    ['no issuer', signed(hs256, { sub: 'ada' }, secret), "No mandatory 'iss' in claims"],
    ['an issuer that is a number', signed(hs256, { iss: 7 }, secret), "No mandatory 'iss' in claims"],
    ['an issuer that is a list', signed(hs256, { iss: ['ada'] }, secret), "No mandatory 'iss' in claims"],
    ['an empty issuer', signed(hs256, { iss: '' }, secret), "Invalid 'iss' in claims"],
    ['an unknown issuer', signed(hs256, { iss: 'eve' }, secret), "No credentials found for given 'iss'"],
    ['the secret of another consumer', signed(hs256, { iss: 'bob' }, secret), 'Invalid signature'],
    ['a credential without a secret', signed(hs256, { iss: 'cleared' }, ''), 'Invalid key/secret'],
    [
      'a kid that is a path',
      signed({ ...hs256, kid: '../../dev/null' }, {}, ''),
      "No credentials found for given 'kid'",
      { key_claim_name: 'kid' },
    ],
    [
      'a kid that is SQL',
      signed({ ...hs256, kid: "x' UNION SELECT 'y" }, {}, 'y'),
      "No credentials found for given 'kid'",
      { key_claim_name: 'kid' },
    ],
    [
      'a kid that is a member of objects',
      signed(hs256, {}, secret),
      "No mandatory 'constructor' in claims",
      { key_claim_name: 'constructor' },
    ],
    [
      'a key of its own in the header',
      signed({ ...hs256, jwk: { kty: 'oct', k: encoded('k') } }, { iss: 'ada' }, 'k'),
      'Invalid signature',
    ],
    [
      'a critical parameter',
      signed({ ...hs256, crit: ['exp'], exp: 1 }, { iss: 'ada' }, secret),
      'Bad token; invalid crit',
    ],
    ['b64: false', signed({ ...hs256, crit: ['b64'], b64: false }, { iss: 'ada' }, secret), 'Bad token; invalid crit'],
    [
      'a secret that is base64, as text',
      signed(hs256, { iss: 'base64' }, bytes.toString('base64')),
      'Invalid signature',
      { secret_is_base64: true },
    ],
  ];
  for (const [title, token, message, config] of refusals) {
    it(`refuses ${title}`, async () => {
      const seen = await (await guardWithTokens(config)).send(bearer(token));
      expect([seen.status, seen.message, seen.passed]).to.deep.equal([401, message, undefined]);
      expect(seen.headers.get('www-authenticate')).to.equal('Bearer error="invalid_token"');
    });
  }

  it('names nothing but the scheme and the realm where there is no token', async () => {
    const guard = await guardWithTokens({ realm: 'my "api"' });
    const seen = await guard.send();
    expect([seen.status, seen.message]).to.deep.equal([401, 'Unauthorized']);
    expect(seen.headers.get('www-authenticate')).to.equal('Bearer realm="my \\"api\\""');
    const bad = await guard.send(bearer('x'));
    expect(bad.headers.get('www-authenticate')).to.equal('Bearer realm="my \\"api\\"", error="invalid_token"');
  });

  const both = { claims_to_verify: ['exp', 'nbf'] };
  const times: readonly [title: string, config: Values, claims: Values, errors: Values | undefined][] = [
    ['times that nobody verifies', {}, { exp: 1, nbf: now + 1_000 }, undefined],
    ['times that hold', both, { exp: now + 1_000, nbf: now }, undefined],
    ['an expired token', both, { exp: now - 1, nbf: 1 }, { exp: 'token expired' }],
    ['a token that expires now', both, { exp: now, nbf: 1 }, { exp: 'token expired' }],
    ['a token of the future', both, { exp: now + 1_000, nbf: now + 1_000 }, { nbf: 'token not valid yet' }],
    ['no times', both, {}, { exp: 'must be a number', nbf: 'must be a number' }],
    ['a time in words', both, { exp: `${now + 1_000}`, nbf: 1 }, { exp: 'must be a number' }],
    ['a time beyond numbers', { claims_to_verify: ['exp'] }, { exp: Number.MAX_VALUE }, undefined],
    ['a time within the most', { claims_to_verify: ['exp'], maximum_expiration: 1_000 }, { exp: now + 900 }, undefined],
    [
      'a time beyond the most',
      { claims_to_verify: ['exp'], maximum_expiration: 1_000 },
      { exp: now + 1_100 },
      { exp: 'exceeds maximum allowed expiration' },
    ],
  ];
  for (const [title, config, claims, errors] of times) {
    it(`${errors === undefined ? 'takes' : 'refuses'} ${title}`, async () => {
      const guard = await guardWithTokens(config);
      const seen = await guard.send(bearer(signed(hs256, { iss: 'ada', ...claims }, secret)));
      expect(seen.status).to.equal(errors === undefined ? 200 : 401);
      if (errors === undefined) return;
      const { request_id: requestId, ...told } = JSON.parse(seen.body) as Values;
      expect(told).to.deep.equal(errors);
      expect(requestId).to.be.a('string');
    });
  }

  it('refuses a number too large for a time', async () => {
    const claims = `{"iss":"ada","exp":1e999}`;
    const seen = await (
      await guardWithTokens({ claims_to_verify: ['exp'] })
    ).send(bearer(signed(hs256, claims, secret)));
    expect([seen.status, (JSON.parse(seen.body) as Values)['exp']]).to.deep.equal([401, 'must be a number']);
  });

  const places: readonly [title: string, config: Values, request: Request, isFound: boolean][] = [
    ['an argument', {}, { target: `/?jwt=${good}` }, true],
    ['an argument of another name', { uri_param_names: ['token'] }, { target: `/?token=${good}` }, true],
    ['an argument where none is looked at', { uri_param_names: [] }, { target: `/?jwt=${good}` }, false],
    ['a cookie', { cookie_names: ['session'] }, { headers: ['cookie', `a=b; session=${good}; c=d`] }, true],
    ['a cookie of another name', { cookie_names: ['session'] }, { headers: ['cookie', `sessions=${good}`] }, false],
    ['a cookie where none is looked at', {}, { headers: ['cookie', `jwt=${good}`] }, false],
    ['a header of another name', { header_names: ['X-Token'] }, { headers: ['x-token', `bearer  ${good}`] }, true],
    ['a header without the scheme', {}, { headers: ['authorization', good] }, false],
    ['a basic login', {}, { headers: ['authorization', 'Basic YTpi'] }, false],
    ['the same token twice', {}, { target: `/?jwt=${good}`, headers: ['authorization', `Bearer ${good}`] }, true],
  ];
  for (const [title, config, request, isFound] of places) {
    it(`${isFound ? 'finds' : 'finds no'} token in ${title}`, async () => {
      const seen = await (await guardWithTokens(config)).send(request);
      expect([seen.status, seen.message]).to.deep.equal(isFound ? [200, undefined] : [401, 'Unauthorized']);
    });
  }

  it('refuses different tokens and an argument without a value', async () => {
    const guard = await guardWithTokens();
    const several = await guard.send({ target: `/?jwt=${good}&jwt=x` });
    expect([several.status, several.message]).to.deep.equal([401, 'Multiple tokens provided']);
    const bare = await guard.send({ target: '/?jwt' });
    expect([bare.status, bare.message]).to.deep.equal([401, 'Unrecognizable token']);
  });

  it('takes the key of a credential from another claim, else from the header', async () => {
    const guard = await guardWithTokens({ key_claim_name: 'kid' });
    expect((await guard.send(bearer(signed({ ...hs256, kid: 'ada' }, {}, secret)))).status).to.equal(200);
    // What is signed as a claim counts before the header.
    const claimed = signed({ ...hs256, kid: 'ada' }, { kid: 'bob' }, 'a-secret-of-bob');
    expect((await guard.send(bearer(claimed))).passed?.headers.get('x-consumer-username')).to.equal('bob');
  });

  it('takes a credential whose key is the name of a member of objects', async () => {
    const seen = await (await guardWithTokens()).send(bearer(signed(hs256, { iss: '__proto__' }, secret)));
    expect(seen.status).to.equal(200);
  });

  it('reads secrets as base64 when told so', async () => {
    const token = signed(hs256, { iss: 'base64' }, bytes);
    expect((await (await guardWithTokens({ secret_is_base64: true })).send(bearer(token))).status).to.equal(200);
    expect((await (await guardWithTokens()).send(bearer(token))).message).to.equal('Invalid signature');
  });

  it('lets preflights pass when told so, and an anonymous consumer stand for the rest', async () => {
    const open = await guardWithTokens({ run_on_preflight: false });
    expect((await open.send({ method: 'OPTIONS' })).status).to.equal(200);
    expect((await open.send({ method: 'GET' })).status).to.equal(401);
    const anonymous = await guardWithTokens({ anonymous: guest.id });
    const { passed } = await anonymous.send(bearer(flipped(good)));
    expect(passed?.headers.get('x-consumer-username')).to.equal('guest');
  });

  for (const claims of [undefined, ['nbf']]) {
    it(`refuses a maximum expiration with claims_to_verify ${JSON.stringify(claims)}`, () => {
      const config = { maximum_expiration: 1, claims_to_verify: claims };
      expect(() => checkedEntities({ plugins: [{ name: 'jwt', config }] })).to.throw('expected to contain: exp');
    });
  }

  it('writes no token into the log', async () => {
    const guard = await guardWithTokens({ anonymous: 'nobody' });
    await guard.send(bearer(flipped(good)));
    expect(guard.lines.join('')).to.include('anonymous_missing').and.not.to.include(good.slice(0, 20));
  });
});

/** A key of the kind that the algorithm wants, and of nobody. */
function foreignKey(algorithm: string) {
  if (algorithm === 'EdDSA') return generateKeyPairSync('ed25519').privateKey;
  const curves: Record<string, string> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };
  const namedCurve = curves[algorithm];
  if (namedCurve !== undefined) return generateKeyPairSync('ec', { namedCurve }).privateKey;
  return (foreignRsa ??= generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey);
}

let foreignRsa: KeyObject | undefined;
