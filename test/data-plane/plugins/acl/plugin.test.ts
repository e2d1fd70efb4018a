import { expect } from 'chai';
import { ada, bob, checkedEntities, GuardFixture, guest, people, type Bodies, type Values } from '../guard-fixture.ts';

const groups: Bodies = {
  ...people,
  acls: [
    { group: 'staff', consumer: { id: ada.id } },
    { group: 'admins ü', consumer: { id: ada.id } },
    { group: 'guests', consumer: { id: guest.id } },
  ],
};

async function guardWithGroups(config: Values, keyAuth: Values = {}): Promise<GuardFixture> {
  const guard = new GuardFixture();
  await guard.apply({
    ...groups,
    plugins: [
      { name: 'key-auth', config: keyAuth },
      { name: 'acl', config },
    ],
  });
  return guard;
}

describe('the acl plugin', () => {
  const rows: readonly [config: Values, key: string | undefined, status: number][] = [
    [{ allow: ['staff'] }, 'ada-key', 200],
    [{ allow: ['x', 'admins ü'] }, 'ada-key', 200],
    [{ allow: ['x'] }, 'ada-key', 403],
    [{ allow: ['Staff'] }, 'ada-key', 403],
    [{ allow: ['staff'] }, 'bob-key', 403],
    [{ deny: ['staff'] }, 'ada-key', 403],
    [{ deny: ['x'], allow: [] }, 'ada-key', 200],
    [{ deny: ['staff'] }, 'bob-key', 200],
    [{ allow: ['guests'] }, undefined, 200],
    [{ deny: ['guests'] }, undefined, 403],
  ];
  for (const [config, key, status] of rows) {
    it(`answers ${status} to ${key ?? 'the anonymous consumer'} by ${JSON.stringify(config)}`, async () => {
      const guard = await guardWithGroups(config, { anonymous: 'guest' });
      const seen = await guard.send({ headers: key === undefined ? [] : ['apikey', key] });
      expect(seen.status).to.equal(status);
      if (status === 403) expect(seen.message).to.equal('You cannot consume this service');
    });
  }

  it('answers 401 where nobody is recognised', async () => {
    const guard = new GuardFixture();
    await guard.apply({ ...groups, plugins: [{ name: 'acl', config: { deny: ['x'] } }] });
    const { status, message } = await guard.send({ headers: ['apikey', 'ada-key', 'x-consumer-id', ada.id] });
    expect([status, message]).to.deep.equal([401, 'Unauthorized']);
  });

  it('tells the groups, sorted, unless told not to, and never those that a client sends', async () => {
    const sent = { headers: ['apikey', 'ada-key', 'x-consumer-groups', 'root'] };
    const { passed } = await (await guardWithGroups({ allow: ['staff'] })).send(sent);
    const told = Buffer.from(passed?.headers.get('x-consumer-groups') ?? '', 'latin1').toString();
    expect(told).to.equal('admins ü, staff');
    const hidden = await (await guardWithGroups({ allow: ['staff'], hide_groups_header: true })).send(sent);
    expect(hidden.passed?.headers.get('x-consumer-groups')).to.equal(undefined);
    const none = await (await guardWithGroups({ deny: ['x'] })).send({ headers: ['apikey', 'bob-key'] });
    expect([none.status, none.passed?.headers.get('x-consumer-groups')]).to.deep.equal([200, undefined]);
  });

  it('sees a group as soon as the configuration with it is live', async () => {
    const plugins = [
      { name: 'key-auth', config: {} },
      { name: 'acl', config: { allow: ['staff'] } },
    ];
    const guard = new GuardFixture();
    await guard.apply({ ...groups, plugins });
    expect((await guard.send({ headers: ['apikey', 'bob-key'] })).status).to.equal(403);
    await guard.apply({ ...groups, plugins, acls: [{ group: 'staff', consumer: { id: bob.id } }] });
    expect((await guard.send({ headers: ['apikey', 'bob-key'] })).status).to.equal(200);
    expect((await guard.send({ headers: ['apikey', 'ada-key'] })).status).to.equal(403);
  });

  for (const [config, message] of [
    [{}, "at least one of these fields must be non-empty: 'allow', 'deny'"],
    [{ allow: [], deny: [] }, "at least one of these fields must be non-empty: 'allow', 'deny'"],
    [{ allow: ['a'], deny: ['b'] }, "only one of these fields must be non-empty: 'allow', 'deny'"],
    [{ allow: ['a'], include_consumer_groups: true }, 'only false is accepted'],
  ] as const) {
    it(`refuses the config ${JSON.stringify(config)}`, () => {
      expect(() => checkedEntities({ plugins: [{ name: 'acl', config }] })).to.throw(message);
    });
  }

  it('is not bound to a consumer', () => {
    const plugin = { name: 'acl', config: { allow: ['a'] }, consumer: { id: ada.id } };
    expect(() => checkedEntities({ plugins: [plugin] })).to.throw('value must be null');
  });
});
