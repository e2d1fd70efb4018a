import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { expect } from 'chai';
import { Registry } from 'prom-client';
import { Issuers } from '../../../../data-plane/plugin-api/issuers.ts';
import { unknownKeyMs } from '../../../../data-plane/plugin-api/issuer-keys.ts';
import { createIssuerEvents } from '../../../../data-plane/status/issuer-events.ts';
import { pluginSchemas } from '../../../../shared/plugin-schemas/plugin-schemas.ts';
import { createLogger } from '../../../../shared/log.ts';
import { Closing } from '../../../helpers/closing.ts';
import { waitFor } from '../../../helpers/wait-for.ts';
import { startTestIssuer, type TestIssuer } from '../../../helpers/test-issuer.ts';
import { ada, checkedEntities, GuardFixture, guest, people, type Request, type Values } from '../guard-fixture.ts';
import { encoded, keysFor, signed } from '../jwt/tokens.ts';
import { publishedPaths } from '../kafka-settings/setting-rows.ts';

const ec = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
/** Of a fetch of keys; a node has 5 s. */
const timeoutMs = 1_000;
const bearer = (token: string): Request => ({ headers: ['authorization', `Bearer ${token}`] });

describe('the oidc-bearer plugin', () => {
  const closing = new Closing();
  let issuer: TestIssuer;
  let key: KeyObject;
  let nowMs: number;
  let registry: Registry;
  const lines: string[] = [];

  beforeEach(async () => {
    issuer = await startTestIssuer();
    closing.add(() => issuer.close());
    key = ec();
    issuer.keys.set('k1', key);
    nowMs = 1_000_000;
    lines.length = 0;
  });
  afterEach(() => closing.close());

  /** A node that takes tokens of the issuer; further plugins replace the configuration. */
  async function guardWithIssuer(config: Values = {}): Promise<GuardFixture> {
    registry = new Registry();
    const logger = createLogger({ level: 'info', format: 'json', write: (line) => void lines.push(line) });
    const events = createIssuerEvents(registry, logger);
    const issuers = new Issuers({ events, nowMs: () => nowMs, timeoutMs });
    const guard = new GuardFixture({ issuers });
    await applyTo(guard, config);
    return guard;
  }

  function applyTo(guard: GuardFixture, config: Values): Promise<void> {
    return guard.apply({ ...people, plugins: [{ name: 'oidc-bearer', config: { issuer: issuer.url, ...config } }] });
  }

  const seconds = () => Math.floor(Date.now() / 1_000);

  function token(claims: Values = {}, header: Values = {}, by: KeyObject | string = key): string {
    const all = { iss: issuer.url, sub: 'ada', exp: seconds() + 600, ...claims };
    return signed({ alg: 'ES256', kid: 'k1', typ: 'at+jwt', ...header }, all, by);
  }

  it('takes a token of the issuer and tells who it is', async () => {
    const guard = await guardWithIssuer();
    const { passed } = await guard.send(bearer(token()));
    const told = ['x-consumer-id', 'x-consumer-username', 'x-credential-identifier', 'x-anonymous-consumer'];
    expect(told.map((name) => passed?.headers.get(name))).to.deep.equal([ada.id, 'ada', 'ada', undefined]);
    expect(passed?.headers.get('authorization')).to.match(/^Bearer /);
    await guard.send(bearer(token()));
    expect(issuer.requests).to.deep.equal(['/realm/.well-known/openid-configuration', '/realm/keys']);
  });

  for (const algorithm of ['RS256', 'PS256', 'ES384', 'EdDSA']) {
    it(`takes ${algorithm} where it is allowed`, async () => {
      const { privateKey } = keysFor(algorithm);
      issuer.keys.set('k2', privateKey);
      const guard = await guardWithIssuer({ algorithms: [algorithm] });
      const seen = await guard.send(bearer(token({}, { alg: algorithm, kid: 'k2' }, privateKey)));
      expect([seen.status, seen.message]).to.deep.equal([200, undefined]);
      expect((await guard.send(bearer(token()))).message).to.equal(
        'The token is not valid: its algorithm is not allowed',
      );
    });
  }

  const is = (reason: string) => `The token is not valid: ${reason}`;
  const wrong = is('its signature is wrong');
  const unreadable = is('it cannot be read');
  const refusals: readonly [title: string, make: () => string, message: string, config?: Values][] = [
    ['what is no token', () => 'x', unreadable],
    ['an encrypted token', () => 'a.b.c.d.e', unreadable],
    ['claims that are a list', () => signed({ alg: 'ES256', kid: 'k1' }, ['ada'], key), unreadable],
    [
      'alg none',
      () => `${encoded({ alg: 'none' })}.${encoded({ iss: issuer.url, sub: 'ada' })}.`,
      is('its algorithm is not allowed'),
    ],
    [
      'the public key as a secret',
      () => token({}, { alg: 'HS256' }, createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString()),
      is('its algorithm is not allowed'),
    ],
    ['an algorithm that is not allowed', () => token({}, { alg: 'ES384' }), is('its algorithm is not allowed')],
    ['a key of nobody', () => token({}, {}, ec()), wrong],
    [
      'a key of its own in the header',
      () => token({}, { kid: undefined, jwk: createPublicKey(foreign).export({ format: 'jwk' }) }, foreign),
      wrong,
    ],
    [
      'the address of keys of its own',
      () => token({}, { jku: 'http://127.0.0.1:1/keys', kid: 'own' }, foreign),
      is('no key of the issuer signed it'),
    ],
    ['a kid that is a path', () => token({}, { kid: '../../keys' }), is('no key of the issuer signed it')],
    ['a kid that is a number', () => token({}, { kid: 1 }), is('no key of the issuer signed it')],
    [
      'a kid of the wrong key',
      () => token({}, { kid: 'k1', alg: 'EdDSA' }, keysFor('EdDSA').privateKey),
      is('no key of the issuer signed it'),
    ],
    ['a critical parameter', () => token({}, { crit: ['x'], x: 1 }), unreadable],
    ['another issuer', () => token({ iss: 'https://other.example' }), is('it is of another issuer')],
    ['no issuer', () => token({ iss: undefined }), is('it is of another issuer')],
    ['the issuer with a slash behind it', () => token({ iss: `${issuer.url}/` }), is('it is of another issuer')],
    ['another audience', () => token({ aud: ['a', 'b'] }), is('it is for another audience'), { audience: ['c'] }],
    ['no audience', () => token(), is('it is for another audience'), { audience: ['c'] }],
    ['an expired token', () => token({ exp: seconds() - 61 }), is('it has expired')],
    ['a token of the future', () => token({ nbf: seconds() + 62 }), is('it is not valid yet')],
    ['a token without an end', () => token({ exp: undefined }), is('it names no end')],
    ['an end in words', () => token({ exp: 'never' }), is('it names no end')],
    ['a logout token', () => token({}, { typ: 'logout+jwt' }), is('it is no access token')],
    ['no subject', () => token({ sub: undefined }), is('it names no consumer')],
    ['a subject that is a number', () => token({ sub: 7 }), is('it names no consumer')],
    [
      'a claim that is a member of objects',
      () => token(),
      is('it names no consumer'),
      { consumer_claim: 'constructor' },
    ],
    ['a consumer who is not known', () => token({ sub: 'eve' }), is('it names no consumer that is known')],
    ['a username where ids count', () => token(), is('it names no consumer that is known'), { consumer_by: 'id' }],
  ];
  const foreign = ec();
  for (const [title, make, message, config] of refusals) {
    it(`refuses ${title}`, async () => {
      const seen = await (await guardWithIssuer(config)).send(bearer(make()));
      expect([seen.status, seen.message, seen.passed]).to.deep.equal([401, message, undefined]);
      expect(seen.headers.get('www-authenticate')).to.equal('Bearer error="invalid_token"');
    });
  }

  it('asks for a token, and takes no two', async () => {
    const guard = await guardWithIssuer();
    for (const request of [
      {},
      { headers: ['authorization', 'Basic YTpi'] },
      { headers: ['authorization', 'Bearer '] },
    ]) {
      const none = await guard.send(request);
      expect([none.status, none.message]).to.deep.equal([401, 'Unauthorized']);
      expect(none.headers.get('www-authenticate')).to.equal('Bearer');
    }
    const two = ['authorization', `Bearer ${token()}`];
    const several = await guard.send({ headers: [...two, ...two] });
    expect([several.status, several.message]).to.deep.equal([401, 'Multiple tokens provided']);
    expect(several.headers.get('www-authenticate')).to.equal('Bearer error="invalid_request"');
    expect(issuer.requests, 'nobody asks the issuer for these').to.deep.equal([]);
  });

  it('bears clocks that differ, up to the skew', async () => {
    const guard = await guardWithIssuer();
    expect((await guard.send(bearer(token({ exp: seconds() - 55, nbf: seconds() + 55 })))).status).to.equal(200);
    const exact = await guardWithIssuer({ clock_skew: 0 });
    expect((await exact.send(bearer(token({ exp: seconds() - 1 })))).status).to.equal(401);
  });

  const scopes: readonly [claims: Values, status: number][] = [
    [{ scope: 'read write' }, 200],
    [{ scope: 'write read other' }, 200],
    [{ scp: ['read', 'write'] }, 200],
    [{ scope: 'read' }, 403],
    [{ scope: 'readwrite' }, 403],
    [{ scope: { read: 1, write: 1 } }, 403],
    [{}, 403],
  ];
  for (const [claims, status] of scopes) {
    it(`answers ${status} to ${JSON.stringify(claims)} where read and write are required`, async () => {
      const seen = await (await guardWithIssuer({ scopes_required: ['read', 'write'] })).send(bearer(token(claims)));
      expect(seen.status).to.equal(status);
      if (status === 200) return;
      expect(seen.message).to.equal('The token lacks a scope');
      expect(seen.headers.get('www-authenticate')).to.equal('Bearer error="insufficient_scope", scope="read write"');
    });
  }

  const consumers: readonly [config: Values, claims: Values][] = [
    [{ consumer_by: 'custom_id' }, { sub: 'n-1' }],
    [{ consumer_by: 'id' }, { sub: ada.id }],
    [{ consumer_claim: 'client_id' }, { sub: 'other', client_id: 'ada' }],
  ];
  for (const [config, claims] of consumers) {
    it(`finds the consumer by ${JSON.stringify(config)}`, async () => {
      const { passed } = await (await guardWithIssuer(config)).send(bearer(token(claims)));
      expect(passed?.headers.get('x-consumer-username')).to.equal('ada');
    });
  }

  it('hides the token, and lets an anonymous consumer stand for requests without a valid one', async () => {
    const guard = await guardWithIssuer({ hide_credentials: true, anonymous: guest.username });
    const right = await guard.send(bearer(token()));
    expect([right.status, right.passed?.headers.get('authorization')]).to.deep.equal([200, undefined]);
    for (const request of [{}, bearer(token({ exp: 1 }))]) {
      expect((await guard.send(request)).passed?.headers.get('x-consumer-username')).to.equal('guest');
    }
  });

  it('tries every key that fits a token without a kid', async () => {
    issuer.keys.set('k0', ec());
    const guard = await guardWithIssuer();
    expect((await guard.send(bearer(token({}, { kid: undefined })))).status).to.equal(200);
    expect((await guard.send(bearer(token({}, { kid: undefined }, foreign)))).message).to.equal(wrong);
  });

  it('fetches the keys again for one that it does not know, and not more often than it may', async () => {
    const guard = await guardWithIssuer();
    expect((await guard.send(bearer(token()))).status).to.equal(200);
    const next = ec();
    issuer.keys.set('k2', next);
    const rotated = bearer(token({}, { kid: 'k2' }, next));
    expect((await guard.send(rotated)).message).to.equal(is('no key of the issuer signed it'));
    expect(issuer.requests).to.have.length(2);
    nowMs += unknownKeyMs;
    issuer.keys.delete('k1');
    const sent = Array.from({ length: 20 }, () => guard.send(rotated));
    expect((await Promise.all(sent)).map(({ status }) => status)).to.deep.equal(sent.map(() => 200));
    expect(issuer.requests, 'one request in flight').to.have.length(4);
    expect((await guard.send(bearer(token()))).message).to.equal(is('no key of the issuer signed it'));
    for (let index = 0; index < 50; index += 1) await guard.send(bearer(token({}, { kid: `x${index}` })));
    expect(issuer.requests).to.have.length(4);
  });

  it('serves on with the keys that it has while the issuer is away, silent or lies, also over a change', async () => {
    const guard = await guardWithIssuer({ jwks_ttl: 10 });
    expect((await guard.send(bearer(token()))).status).to.equal(200);
    const lies: readonly TestIssuer['behaviour'][] = [
      { state: 'away' },
      { status: 500 },
      { discovery: { issuer: 'https://other.example' } },
      { discovery: { jwks_uri: 'http://192.0.2.1/keys' } },
      { discovery: { jwks_uri: undefined } },
      { keySet: '<html>' },
      { keySet: { keys: [] } },
      { keySet: { keys: [{ kty: 'oct', k: encoded('secret'), kid: 'k1' }] } },
      { keySet: { keys: 'x' } },
      { keySet: 'x'.repeat(300_000) },
      { state: 'silent' },
    ];
    for (const behaviour of lies) {
      issuer.behaviour = behaviour;
      const before = issuer.requests.length;
      // A fetch that began under the behaviour before may still be under way, and is followed by a pause.
      while (issuer.requests.length === before) {
        nowMs += 60_000;
        expect((await guard.send(bearer(token()))).status).to.equal(200);
      }
      await applyTo(guard, { jwks_ttl: 10, clock_skew: before });
      expect((await guard.send(bearer(token()))).status, JSON.stringify(behaviour).slice(0, 80)).to.equal(200);
    }
    const failed = () => lines.filter((line) => line.includes('issuer_unavailable'));
    while (failed().length === 0) await new Promise(setImmediate);
    expect(failed()[0]).to.include(issuer.url);
    issuer.behaviour = {};
  }).timeout(20_000);

  it('answers 503 while no key was ever there, with an anonymous consumer too, and recovers', async () => {
    issuer.behaviour = { state: 'away' };
    const guard = await guardWithIssuer({ anonymous: guest.username });
    for (const _time of [1, 2]) {
      const seen = await guard.send(bearer(token()));
      expect([seen.status, seen.message]).to.deep.equal([503, 'The keys of the issuer are not available']);
      expect(seen.headers.get('retry-after')).to.equal('5');
    }
    expect(issuer.requests, 'it pauses after a failure').to.have.length(1);
    expect((await guard.send()).passed?.headers.get('x-consumer-username')).to.equal('guest');
    issuer.behaviour = {};
    nowMs += 1_000;
    expect((await guard.send(bearer(token()))).status).to.equal(200);
    expect(await registry.metrics()).to.include('sluice_issuer_key_fetches_total{result="failed"} 1');
  });

  it('waits for a silent issuer no longer than its time', async () => {
    issuer.behaviour = { state: 'silent' };
    const guard = await guardWithIssuer();
    const started = performance.now();
    const seen = await Promise.all([guard.send(bearer(token())), guard.send(bearer(token()))]);
    expect(seen.map(({ status }) => status)).to.deep.equal([503, 503]);
    expect(performance.now() - started).to.be.within(timeoutMs - 50, timeoutMs + 5_000);
    expect(issuer.requests).to.have.length(1);
  }).timeout(10_000);

  describe('every published field changes what becomes of a request', () => {
    const late = () => bearer(token({ exp: seconds() - 10 }));
    const plain = () => bearer(token());
    const rows: readonly [field: string, config: () => Values, make: () => Request][] = [
      ['issuer', () => ({ issuer: issuer.url.replace('/realm', '') }), plain],
      ['audience', () => ({ audience: ['a'] }), plain],
      ['scopes_required', () => ({ scopes_required: ['a'] }), plain],
      ['consumer_claim', () => ({ consumer_claim: 'azp' }), plain],
      ['consumer_by', () => ({ consumer_by: 'id' }), plain],
      ['anonymous', () => ({ anonymous: 'guest' }), () => ({})],
      ['clock_skew', () => ({ clock_skew: 0 }), late],
      ['algorithms', () => ({ algorithms: ['RS256'] }), plain],
      ['jwks_ttl', () => ({ jwks_ttl: 1 }), plain],
      ['hide_credentials', () => ({ hide_credentials: true }), plain],
    ];

    it('has a row for each', () => {
      const published = publishedPaths(pluginSchemas['oidc-bearer'].config);
      expect(rows.map(([field]) => field).toSorted()).to.deep.equal(published.toSorted());
    });

    for (const [field, config, make] of rows) {
      it(field, async () => {
        const outcomes = [];
        for (const one of [{}, config()]) {
          const guard = await guardWithIssuer(one);
          issuer.requests.length = 0;
          await guard.send(plain());
          nowMs += 2_000;
          const { status, passed } = await guard.send(make());
          const fetches = () => issuer.requests.filter((path) => path.includes('openid')).length;
          // Old keys are fetched anew behind the request.
          if ('jwks_ttl' in one) await waitFor(() => fetches() === 2, { what: 'the second fetch' });
          const headers = [...(passed?.headers.entries() ?? [])].map(([name]) => name);
          outcomes.push({ status, headers, fetches: fetches() });
        }
        expect(outcomes[0]).not.to.deep.equal(outcomes[1]);
      });
    }
  });

  it('writes no token into the log', async () => {
    const guard = await guardWithIssuer({ anonymous: 'nobody' });
    const sent = token({ exp: 1 });
    await guard.send(bearer(sent));
    expect(guard.lines.join('')).to.include('anonymous_missing');
    expect(guard.lines.concat(lines).join('')).not.to.include(sent.slice(0, 20));
  });

  const configs: readonly [config: Values, message: string][] = [
    [{}, 'required field missing'],
    [{ issuer: 'http://issuer.example' }, 'expected https, or http on loopback'],
    [{ issuer: 'issuer.example' }, 'expected a URL'],
    [{ issuer: 'https://i.example/?a' }, 'without user, query and fragment'],
    [{ issuer: 'https://u:p@i.example' }, 'without user, query and fragment'],
    [{ issuer: 'https://i.example', algorithms: ['HS256'] }, 'expected one of'],
    [{ issuer: 'https://i.example', algorithms: [] }, 'length must be at least 1'],
    [{ issuer: 'https://i.example', scopes_required: ['a b'] }, 'expected a scope'],
    [{ issuer: 'https://i.example', jwks_ttl: 0 }, 'value should be between'],
  ];
  for (const [config, message] of configs) {
    it(`refuses the config ${JSON.stringify(config)}`, () => {
      expect(() => checkedEntities({ plugins: [{ name: 'oidc-bearer', config }] })).to.throw(message);
    });
  }
  for (const issuerUrl of [
    'https://i.example/',
    'http://127.0.0.1:8080/realm',
    'http://localhost',
    'http://[::1]:80',
  ]) {
    it(`takes the issuer ${issuerUrl}`, () => {
      checkedEntities({ plugins: [{ name: 'oidc-bearer', config: { issuer: issuerUrl } }] });
    });
  }
});
