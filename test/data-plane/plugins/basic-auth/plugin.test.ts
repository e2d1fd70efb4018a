import { expect } from 'chai';
import { PasswordChecks } from '../../../../data-plane/plugin-api/password-checks.ts';
import { hashDocumentPassword } from '../../../../shared/entities/password-hash.ts';
import { ada, GuardFixture, guest, people, type Bodies, type Request, type Values } from '../guard-fixture.ts';

const basicLogin = (name: string, password: string): string =>
  `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

const loginId = 'eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee';
const password = hashDocumentPassword('pass:wörd', loginId);
const logins: Bodies = {
  ...people,
  basicauth_credentials: [{ id: loginId, username: 'ada-login', password, consumer: { id: ada.id } }],
};

async function guardWithLogins(config: Values = {}): Promise<GuardFixture> {
  const guard = new GuardFixture();
  await guard.apply({ ...logins, plugins: [{ name: 'basic-auth', config }] });
  return guard;
}

describe('the basic-auth plugin', () => {
  const right = basicLogin('ada-login', 'pass:wörd');
  const refusals: readonly [title: string, headers: readonly string[]][] = [
    ['no login', []],
    ['an empty header', ['authorization', '']],
    ['the scheme alone', ['authorization', 'Basic']],
    ['another scheme', ['authorization', right.replace('Basic', 'Bearer')]],
    ['what is no base64', ['authorization', 'Basic a=b']],
    ['text without a colon', ['authorization', `Basic ${Buffer.from('ada-login').toString('base64')}`]],
    ['no user name', ['authorization', basicLogin('', 'pass:wörd')]],
    ['an unknown user', ['authorization', basicLogin('nobody', 'pass:wörd')]],
    ['a wrong password', ['authorization', basicLogin('ada-login', 'pass')]],
    ['an empty password', ['authorization', basicLogin('ada-login', '')]],
    ['the hash as the password', ['authorization', basicLogin('ada-login', password)]],
    [
      'bytes that are not UTF-8',
      ['authorization', `Basic ${Buffer.from('ada-login:\xff', 'latin1').toString('base64')}`],
    ],
    ['two headers', ['authorization', right, 'authorization', right]],
    ['the name of a consumer, not of a login', ['authorization', basicLogin('ada', 'pass:wörd')]],
  ];
  for (const [title, headers] of refusals) {
    it(`refuses ${title}`, async () => {
      const { status, message, headers: told, passed } = await (await guardWithLogins()).send({ headers });
      expect({ status, message, passed }).to.deep.equal({ status: 401, message: 'Unauthorized', passed: undefined });
      expect(told.get('www-authenticate')).to.equal('Basic realm="service"');
    });
  }

  const accepted: readonly [title: string, request: Request][] = [
    ['Authorization', { headers: ['Authorization', right] }],
    ['Proxy-Authorization', { headers: ['Proxy-Authorization', right] }],
    ['a scheme in other case', { headers: ['authorization', right.replace('Basic', 'bAsIc')] }],
    [
      'Authorization beside a login for another proxy',
      { headers: ['proxy-authorization', basicLogin('proxy', 'x'), 'authorization', right] },
    ],
  ];
  for (const [title, request] of accepted) {
    it(`recognises the login in ${title}, also when it comes again`, async () => {
      const guard = await guardWithLogins();
      for (const _time of [1, 2]) {
        const { passed } = await guard.send(request);
        const told = ['x-consumer-id', 'x-consumer-username', 'x-credential-identifier', 'x-anonymous-consumer'];
        expect(told.map((name) => passed?.headers.get(name))).to.deep.equal([ada.id, 'ada', 'ada-login', undefined]);
        expect(passed?.headers.get('authorization') ?? passed?.headers.get('proxy-authorization')).to.be.a('string');
      }
    });
  }

  it('takes hidden logins out of both headers', async () => {
    const guard = await guardWithLogins({ hide_credentials: true });
    const { passed } = await guard.send({ headers: ['authorization', right, 'proxy-authorization', 'Basic x'] });
    expect(passed?.headers.get('authorization')).to.equal(undefined);
    expect(passed?.headers.get('proxy-authorization')).to.equal(undefined);
  });

  it('names the realm, with quotes escaped', async () => {
    const guard = await guardWithLogins({ realm: 'my "api"' });
    expect((await guard.send()).headers.get('www-authenticate')).to.equal('Basic realm="my \\"api\\""');
  });

  it('lets an anonymous consumer stand for requests without a valid login', async () => {
    const guard = await guardWithLogins({ anonymous: guest.username });
    const { passed } = await guard.send({ headers: ['authorization', basicLogin('ada-login', 'x')] });
    expect(passed?.headers.get('x-consumer-username')).to.equal('guest');
    expect(passed?.headers.get('x-anonymous-consumer')).to.equal('true');
  });

  it('forgets a login that was removed or has another password, also one that it remembers', async () => {
    const guard = await guardWithLogins();
    const request = { headers: ['authorization', right] };
    expect((await guard.send(request)).status).to.equal(200);
    const [login] = logins['basicauth_credentials'] ?? [];
    const plugins = [{ name: 'basic-auth', config: {} }];
    const changed = [{ ...login, password: hashDocumentPassword('other', loginId) }];
    await guard.apply({ ...logins, plugins, basicauth_credentials: changed });
    expect((await guard.send(request)).status).to.equal(401);
    expect((await guard.send({ headers: ['authorization', basicLogin('ada-login', 'other')] })).status).to.equal(200);
    await guard.apply({ ...logins, plugins, basicauth_credentials: [] });
    expect((await guard.send({ headers: ['authorization', basicLogin('ada-login', 'other')] })).status).to.equal(401);
  });

  it('answers 429 to a flood of wrong passwords, also where an anonymous consumer is named', async () => {
    const ends: (() => void)[] = [];
    const derive = () => new Promise<Buffer>((resolve) => ends.push(() => resolve(Buffer.alloc(32))));
    const guard = new GuardFixture({ passwordChecks: new PasswordChecks({ derive }) });
    const plugins = [{ name: 'basic-auth', config: { anonymous: guest.username } }];
    await guard.apply({ ...logins, plugins });
    const sent = Array.from({ length: 110 }, (_, index) =>
      guard.send({ headers: ['authorization', basicLogin('ada-login', `x${index}`)] }),
    );
    for (let ended = 0; ended < 102;) {
      const under = ends.splice(0);
      for (const end of under) end();
      ended += under.length;
      await new Promise(setImmediate);
    }
    const seen = await Promise.all(sent);
    const busy = seen.filter(({ status }) => status === 429);
    expect(busy).to.have.length(8);
    expect(busy[0]?.headers.get('retry-after')).to.equal('1');
    expect(busy[0]?.message).to.equal('Too many passwords are being checked');
  });

  it('writes no password into the log', async () => {
    const guard = await guardWithLogins({ anonymous: 'nobody' });
    await guard.send({ headers: ['authorization', basicLogin('ada-login', 'my-own-secret')] });
    const log = guard.lines.join('');
    expect(log).to.include('anonymous_missing');
    expect(log).not.to.include('my-own-secret').and.not.to.include(basicLogin('ada-login', 'my-own-secret'));
  });
});
