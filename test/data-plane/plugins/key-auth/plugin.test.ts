import { expect } from 'chai';
import { ada, GuardFixture, guardWith, guest, people, type Request, type Values } from '../guard-fixture.ts';

const form = ['content-type', 'application/x-www-form-urlencoded'];
const json = ['content-type', 'application/json; charset=utf-8'];

describe('the key-auth plugin', () => {
  const refusals: readonly [title: string, config: Values, request: Request, message: string][] = [
    ['no key', {}, {}, 'No API key found in request'],
    ['an empty key', {}, { headers: ['apikey', ''] }, 'No API key found in request'],
    ['an unknown key', {}, { headers: ['apikey', 'no-key'] }, 'Unauthorized'],
    ['a key that only begins like one', {}, { headers: ['apikey', 'ada-ke'] }, 'Unauthorized'],
    ['a key in other case', {}, { headers: ['apikey', 'ADA-KEY'] }, 'Unauthorized'],
    ['two headers', {}, { headers: ['apikey', 'ada-key', 'apikey', 'ada-key'] }, 'Duplicate API key found'],
    ['two arguments', {}, { target: '/?apikey=ada-key&apikey=x' }, 'Duplicate API key found'],
    ['an argument without a value', {}, { target: '/?apikey' }, 'No API key found in request'],
    ['another name', {}, { headers: ['x-key', 'ada-key'] }, 'No API key found in request'],
    ['headers off', { key_in_header: false }, { headers: ['apikey', 'ada-key'] }, 'No API key found in request'],
    ['queries off', { key_in_query: false }, { target: '/?apikey=ada-key' }, 'No API key found in request'],
    ['bodies off', {}, { headers: form, body: 'apikey=ada-key' }, 'No API key found in request'],
    ['a body of another type', { key_in_body: true }, { body: 'apikey=ada-key' }, 'No API key found in request'],
    [
      'broken JSON',
      { key_in_body: true },
      { headers: json, body: '{"apikey":"ada-key"' },
      'No API key found in request',
    ],
    ['a list', { key_in_body: true }, { headers: json, body: '{"apikey":["ada-key"]}' }, 'Duplicate API key found'],
    ['a number', { key_in_body: true }, { headers: json, body: '{"apikey":7}' }, 'No API key found in request'],
    ['a preflight', {}, { method: 'OPTIONS' }, 'No API key found in request'],
  ];
  for (const [title, config, request, message] of refusals) {
    it(`refuses ${title}`, async () => {
      const {
        status,
        message: told,
        headers,
        passed,
      } = await (await guardWith('key-auth', config, people)).send(request);
      expect({ status, told, passed }).to.deep.equal({ status: 401, told: message, passed: undefined });
      expect(headers.get('www-authenticate')).to.equal('Key');
    });
  }

  const accepted: readonly [title: string, config: Values, request: Request][] = [
    ['a header', {}, { headers: ['ApiKey', 'ada-key'] }],
    ['an argument', {}, { target: '/?a=1&apikey=ada%2Dkey' }],
    ['the second name', { key_names: ['x-a', 'X-B'] }, { headers: ['x-b', 'ada-key'] }],
    ['a form', { key_in_body: true }, { headers: form, body: 'a=1&apikey=ada-key' }],
    ['a JSON object', { key_in_body: true }, { headers: json, body: '{"apikey":"ada-key"}' }],
  ];
  for (const [title, config, request] of accepted) {
    it(`recognises the key of ${title} and tells who it is`, async () => {
      const { passed } = await (await guardWith('key-auth', config, people)).send(request);
      const told = ['x-consumer-id', 'x-consumer-username', 'x-consumer-custom-id', 'x-credential-identifier'];
      expect(told.map((name) => passed?.headers.get(name))).to.deep.equal([
        ada.id,
        'ada',
        'n-1',
        'dddddddd-dddd-4ddd-8ddd-dddddddddddd',
      ]);
      expect(passed?.headers.get('x-anonymous-consumer')).to.equal(undefined);
    });
  }

  it('takes hidden keys out of headers, query and body, and leaves the rest as it was written', async () => {
    const guard = await guardWith('key-auth', { hide_credentials: true, key_in_body: true }, people);
    const target = '/?b=%20x&apikey=ada-key&c';
    const inQuery = await guard.send({ target, headers: ['apikey', 'ada-key'] });
    expect(inQuery.passed?.target).to.equal('/?b=%20x&c');
    expect(inQuery.passed?.headers.get('apikey')).to.equal(undefined);
    const inForm = await guard.send({ headers: form, body: 'a=%20&apikey=ada-key&b' });
    expect(inForm.passed?.body).to.equal('a=%20&b');
    const body = '{ "n": 12345678901234567890.10, "apikey" : "ada-key", "s": "a\\",}b" , "o":{"apikey":[1,2]}}';
    const inJson = await guard.send({ headers: [...json, 'content-length', String(body.length)], body });
    expect(inJson.passed?.body).to.equal('{ "n": 12345678901234567890.10, "s": "a\\",}b" , "o":{"apikey":[1,2]}}');
    expect(inJson.passed?.headers.all('content-length')).to.deep.equal([String(inJson.passed?.body.length)]);
  });

  it('leaves the key where it is unless told to hide it', async () => {
    const guard = await guardWith('key-auth', {}, people);
    expect((await guard.send({ target: '/?apikey=ada-key' })).passed?.target).to.equal('/?apikey=ada-key');
  });

  it('lets preflights pass when run_on_preflight is off', async () => {
    const guard = await guardWith('key-auth', { run_on_preflight: false }, people);
    expect((await guard.send({ method: 'OPTIONS' })).status).to.equal(200);
    expect((await guard.send({ method: 'GET' })).status).to.equal(401);
  });

  it('names the realm, with quotes escaped', async () => {
    const guard = await guardWith('key-auth', { realm: 'my "api"' }, people);
    expect((await guard.send()).headers.get('www-authenticate')).to.equal('Key realm="my \\"api\\""');
  });

  for (const anonymous of [guest.id, guest.username]) {
    it(`lets the anonymous consumer ${anonymous} stand for requests without a key`, async () => {
      const { passed } = await (await guardWith('key-auth', { anonymous }, people)).send({ headers: ['apikey', 'x'] });
      expect(passed?.headers.get('x-consumer-username')).to.equal('guest');
      expect(passed?.headers.get('x-anonymous-consumer')).to.equal('true');
      expect(passed?.headers.get('x-credential-identifier')).to.equal(undefined);
    });
  }

  it('answers 500 and logs when the anonymous consumer is not there', async () => {
    const guard = await guardWith('key-auth', { anonymous: 'nobody' }, people);
    expect((await guard.send()).status).to.equal(500);
    expect(guard.lines.some((line) => line.includes('anonymous_missing'))).to.equal(true);
  });

  it('refuses an expired key, and a revoked one as soon as the configuration is live', async () => {
    const [first, second] = people['keyauth_credentials'] ?? [];
    const plugins = [{ name: 'key-auth', config: {} }];
    const guard = new GuardFixture();
    const request = { headers: ['apikey', 'ada-key'] };
    for (const [credentials, status] of [
      [[first, second], 200],
      [[{ ...first, expires_at: 1 }, second], 401],
      [[{ ...first, expires_at: 4_000_000_000 }, second], 200],
      [[second], 401],
    ] as const) {
      const given = credentials.flatMap((one) => (one === undefined ? [] : [one]));
      await guard.apply({ ...people, plugins, keyauth_credentials: given });
      expect((await guard.send(request)).status).to.equal(status);
    }
  });

  it('never passes identity headers of the client on, with or without plugins', async () => {
    const forged = [
      'X-Consumer-ID',
      'x-consumer-username',
      'X-Consumer-Custom-Id',
      'x_consumer_groups',
      'X-Credential-Identifier',
      'X-Anonymous-Consumer',
      'X-Authenticated-Groups',
    ];
    const headers = [...forged.flatMap((name) => [name, 'root']), 'x-consumers', 'kept'];
    const bare = new GuardFixture();
    await bare.apply({});
    const anonymous = await guardWith('key-auth', { anonymous: 'guest' }, people);
    for (const guard of [bare, anonymous]) {
      const { passed } = await guard.send({ headers });
      const values = [...(passed?.headers.entries() ?? [])];
      expect(values.filter(([, value]) => value === 'root')).to.deep.equal([]);
      expect(passed?.headers.get('x-consumers')).to.equal('kept');
    }
  });

  it('writes no key into the log', async () => {
    const guard = await guardWith('key-auth', { anonymous: 'nobody' }, people);
    await guard.send({ headers: ['apikey', 'my-own-secret'] });
    expect(guard.lines.join('')).not.to.include('my-own-secret');
  });
});
