import { expect } from 'chai';
import { startAdmin, type AdminFixture } from './admin-fixture.ts';

describe('the Admin API: the audit log', () => {
  let admin: AdminFixture;
  afterEach(() => admin.close());
  const full = { 'kong-admin-token': 'full' };

  it('names the token that made each change, to both tokens alike, without secrets', async () => {
    admin = await startAdmin({ token: 'full', tokenReadOnly: 'read' });
    const config = { topic: 't', secret: 'hush' };
    const { body } = await admin.call('POST', '/plugins', { name: 'sample', config }, full);
    await admin.call('PATCH', `/plugins/${body.id}`, { config: { secret: 'hush-hush' } }, full);
    await admin.call('DELETE', `/plugins/${body.id}`, undefined, full);
    expect((await admin.call('GET', '/audit/objects')).status).to.equal(401);
    for (const token of ['full', 'read']) {
      const log = await admin.call('GET', '/audit/objects', undefined, { 'kong-admin-token': token });
      expect(log.body.next).to.equal(null);
      expect(log.body.data.map((entry: Record<string, unknown>) => [entry['operation'], entry['actor']])).to.deep.equal(
        [
          ['delete', 'admin_token'],
          ['update', 'admin_token'],
          ['create', 'admin_token'],
        ],
      );
      expect(log.body.data[1]).to.deep.include({ entity: 'plugins', entity_id: body.id, changed: ['config.secret'] });
      expect(log.text).to.not.contain('hush');
    }
  });

  it('names a caller without a token anonymous, and records no refused write', async () => {
    admin = await startAdmin();
    await admin.call('PUT', '/consumers/a', {});
    await admin.call('PUT', '/consumers/b', { custom_id: 5 });
    await admin.call('POST', '/consumers', { username: 'a' });
    const { body } = await admin.call('GET', '/audit/objects');
    expect(body.data).to.have.length(1);
    expect(body.data[0]).to.include({ actor: 'anonymous', operation: 'create', entity_name: 'a', revision: 1 });
  });

  it('is read in pages', async () => {
    admin = await startAdmin();
    for (const name of ['a', 'b', 'c']) await admin.call('PUT', `/consumers/${name}`, {});
    const names: string[] = [];
    let path: string | null = '/audit/objects?size=2';
    while (path !== null) {
      const { body }: { body: { data: { entity_name: string }[]; next: string | null } } = await admin.call(
        'GET',
        path,
      );
      names.push(...body.data.map(({ entity_name: name }) => name));
      path = body.next;
    }
    expect(names).to.deep.equal(['c', 'b', 'a']);
    for (const query of ['size=0', 'size=1001']) {
      expect((await admin.call('GET', `/audit/objects?${query}`)).body.code).to.equal(9);
    }
    for (const offset of ['!', 'WyJ4Il0']) {
      expect((await admin.call('GET', `/audit/objects?offset=${offset}`)).body.code).to.equal(7);
    }
    expect((await admin.call('POST', '/audit/objects', {})).status).to.equal(405);
  });
});
