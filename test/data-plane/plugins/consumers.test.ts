import { expect } from 'chai';
import { requestHeaders } from '../../../data-plane/forward/request-headers.ts';
import { HeaderList } from '../../../data-plane/plugin-api/header-list.ts';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import { compatibilityOf } from '../../../control-plane/sync/compatibility.ts';
import { entities } from '../../../shared/entities/entities.ts';
import { ada, bob, GuardFixture, guest, people, type Bodies, type Values } from './guard-fixture.ts';
import { hashDocumentPassword } from '../../../shared/entities/password-hash.ts';
import { signed } from './jwt/tokens.ts';

const loginId = 'eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee';
/** Ada has a key, Bob has a login and a token. */
const known: Bodies = {
  ...people,
  basicauth_credentials: [
    { id: loginId, username: 'bob', password: hashDocumentPassword('p', loginId), consumer: { id: bob.id } },
  ],
  jwt_secrets: [{ key: 'bob', secret: 's', consumer: { id: bob.id } }],
  acls: [{ group: 'staff', consumer: { id: bob.id } }],
};

const key = ['apikey', 'ada-key'];
const badKey = ['apikey', 'no-key'];
const login = ['authorization', `Basic ${Buffer.from('bob:p').toString('base64')}`];
const badLogin = ['authorization', `Basic ${Buffer.from('bob:x').toString('base64')}`];
const token = ['authorization', `Bearer ${signed({ alg: 'HS256' }, { iss: 'bob' }, 's')}`];
const forged = ['x-consumer-username', 'root', 'X-Credential-Identifier', 'root', 'x-anonymous-consumer', 'true'];

const plugin = (name: string, config: Values = {}) => ({ name, config });
const orGuest = { anonymous: 'guest' };
const and = [plugin('key-auth'), plugin('basic-auth')];
const or = [plugin('key-auth', orGuest), plugin('basic-auth', orGuest)];
const three = [...or, plugin('jwt', orGuest)];
const half = [plugin('key-auth', orGuest), plugin('basic-auth')];
const grouped = [...or, plugin('acl', { allow: ['staff'] })];

/** Who passes: a consumer with a credential, `guest` without one; or the status of the refusal. */
const chains: readonly [
  title: string,
  plugins: readonly Values[],
  headers: readonly string[],
  passes: string | number,
][] = [
  ['both, with a key alone', and, key, 401],
  ['both, with a login alone', and, login, 401],
  ['both, with neither', and, [], 401],
  ['both, with a key and a wrong login', and, [...key, ...badLogin], 401],
  ['both, with a wrong key and a login', and, [...badKey, ...login], 401],
  ['both, with both: the last one counts', and, [...key, ...login], 'bob'],
  ['either, with a key', or, key, 'ada'],
  ['either, with a login', or, login, 'bob'],
  ['either, with both: the first one counts', or, [...key, ...login], 'ada'],
  ['either, with a wrong key and a login', or, [...badKey, ...login], 'bob'],
  ['either, with a key and a wrong login', or, [...key, ...badLogin], 'ada'],
  ['either, with two wrong ones', or, [...badKey, ...badLogin], 'guest'],
  ['either, with neither', or, [], 'guest'],
  ['either, with headers that pass for a consumer', or, forged, 'guest'],
  ['one of three, with a token', three, token, 'bob'],
  ['one of three, with a token and a key: the first one counts', three, [...key, ...token], 'bob'],
  ['one of three, with neither', three, [], 'guest'],
  ['a key or nobody, and a login, with a key alone', half, key, 401],
  ['a key or nobody, and a login, with a login alone', half, login, 'bob'],
  ['a key or nobody, and a login, with neither', half, [], 401],
  ['either and a group, with a login', grouped, login, 'bob'],
  ['either and a group, with a key of nobody in it', grouped, key, 403],
  ['either and a group, with neither', grouped, [], 403],
];

describe('consumers', () => {
  for (const [title, plugins, headers, passes] of chains) {
    it(`pass a route that wants ${title}`, async () => {
      const guard = new GuardFixture();
      await guard.apply({ ...known, plugins });
      const { status, passed } = await guard.send({ headers: [...forged, ...headers] });
      if (typeof passes === 'number') {
        expect([status, passed]).to.deep.equal([passes, undefined]);
        return;
      }
      const isGuest = passes === 'guest';
      expect(passed?.headers.all('x-consumer-username')).to.deep.equal([passes]);
      expect(passed?.headers.all('x-anonymous-consumer')).to.deep.equal(isGuest ? ['true'] : []);
      expect(passed?.headers.all('x-credential-identifier')).to.have.length(isGuest ? 0 : 1);
      expect(passed?.headers.all('x-credential-identifier')).not.to.include('root');
    });
  }

  it('leave no hidden credential behind that another plugin made needless', async () => {
    const hidden = { ...orGuest, hide_credentials: true };
    const guard = new GuardFixture();
    await guard.apply({
      ...known,
      plugins: [plugin('key-auth', hidden), plugin('basic-auth', hidden), plugin('jwt', orGuest)],
    });
    const byToken = await guard.send({ target: '/?x=1&apikey=ada-key', headers: [...token, ...key] });
    expect(byToken.passed?.headers.get('x-consumer-username')).to.equal('bob');
    expect(byToken.passed?.target).to.equal('/?x=1');
    expect(byToken.passed?.headers.get('apikey')).to.equal(undefined);
    expect(byToken.passed?.headers.get('authorization')).to.equal(undefined);
  });

  it('who are anonymous meet the plugins that are bound to them, too', async () => {
    const guard = new GuardFixture();
    const closed = { ...plugin('request-termination', { status_code: 410 }), consumer: { id: guest.id } };
    await guard.apply({ ...known, plugins: [...or, closed] });
    expect((await guard.send()).status).to.equal(410);
    expect((await guard.send({ headers: key })).status).to.equal(200);
  });

  it('lose the plugins of the anonymous one once a later plugin recognises them', async () => {
    const guard = new GuardFixture();
    const closed = { ...plugin('request-termination', { status_code: 410 }), consumer: { id: guest.id } };
    await guard.apply({ ...known, plugins: [...or, closed] });
    const { status, passed } = await guard.send({ headers: login });
    expect([status, passed?.headers.get('x-consumer-username')]).to.deep.equal([200, 'bob']);
  });

  it('are checked against what is live when the request comes, in every plugin of a chain', async () => {
    const guard = new GuardFixture();
    await guard.apply({ ...known, plugins: and });
    const both = { headers: [...key, ...login] };
    expect((await guard.send(both)).status).to.equal(200);
    await guard.apply({ ...known, plugins: and, basicauth_credentials: [] });
    expect((await guard.send(both)).status).to.equal(401);
  });

  it('meet the plugins that are bound to them once they are recognised', async () => {
    const guard = new GuardFixture();
    const closed = { name: 'request-termination', config: { status_code: 410 }, consumer: { id: bob.id } };
    await guard.apply({ ...people, plugins: [{ name: 'key-auth', config: {} }, closed] });
    expect((await guard.send({ headers: ['apikey', 'ada-key'] })).status).to.equal(200);
    expect((await guard.send({ headers: ['apikey', 'bob-key'] })).status).to.equal(410);
    expect((await guard.send({ headers: ['apikey', 'no-key', 'x-consumer-id', bob.id] })).status).to.equal(401);
  });

  it('are told to a service, even when the client names their headers in Connection', () => {
    const headers = new HeaderList(['Connection', 'X-Consumer-ID, X-Own', 'X-Consumer-ID', 'c', 'X-Own', '1']);
    const facts = { clientAddress: '192.0.2.1', peerAddress: '192.0.2.1', isPeerTrusted: false, path: '/' };
    const place = { scheme: 'http', host: 'h', port: 80, strippedPrefix: '', httpVersion: '1.1' } as const;
    const sent = new HeaderList(requestHeaders({ headers, requestId: 'r', ...facts, ...place }, 'h'));
    expect([sent.get('x-consumer-id'), sent.get('x-own')]).to.deep.equal(['c', undefined]);
  });

  it('are guarded by plugins that no node may lack', () => {
    const guards = [
      'key-auth',
      'basic-auth',
      'acl',
      'jwt',
      'oidc-bearer',
      'hmac-auth',
      'ip-restriction',
      'request-size-limiting',
      'request-termination',
      'cors',
    ] as const;
    expect(guards.filter((name) => pluginSchemas[name].requiredToUnderstand !== true)).to.deep.equal([]);
    // A node of the version before, which knows all others, gets no configuration with one of them.
    const own = { version: '0.2.0', entities, plugins: pluginSchemas };
    for (const name of guards) {
      const others = Object.values(pluginSchemas).filter((schema) => schema.name !== name);
      const plugins = others.map((schema) => ({ name: schema.name, version: schema.version, fields: [] }));
      const { adapt } = compatibilityOf({ version: '0.1.0', plugins, entityKinds: [] }, own);
      const adapted = adapt?.('plugins', { id: ada.id, name, config: {} });
      expect([adapted?.refusal, adapted?.rows[0]?.action], name).to.deep.equal(['plugin_set_incompatible', 'refused']);
    }
  });
});
