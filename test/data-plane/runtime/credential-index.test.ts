import { expect } from 'chai';
import { indexCredentials } from '../../../data-plane/runtime/credential-index.ts';
import { createSnapshot } from '../../../shared/snapshot.ts';
import { ada, bob, checkedEntities, people } from '../plugins/guard-fixture.ts';

describe('the index of credentials', () => {
  it('finds consumers by id and name, and credentials by their key', async () => {
    const index = await indexCredentials(createSnapshot(checkedEntities(people)), undefined);
    expect(index.consumer(bob.id)).to.deep.equal({ id: bob.id, username: 'bob', customId: null });
    expect(index.consumer('ada')).to.deep.equal({ id: ada.id, username: 'ada', customId: 'n-1' });
    expect(index.consumer('n-1')).to.equal(undefined);
    expect(index.consumerBy('custom_id', 'n-1')?.username).to.equal('ada');
    expect(index.consumerBy('username', 'n-1')).to.equal(undefined);
    expect(index.consumerBy('id', bob.id)?.username).to.equal('bob');
    expect(index.find('keyauth_credentials', 'ada-key')?.consumer.username).to.equal('ada');
    for (const name of ['', 'ada-key ', '__proto__', 'ada']) {
      expect(index.find('keyauth_credentials', name), name).to.equal(undefined);
    }
    expect(index.find('jwt_secrets', 'ada-key')).to.equal(undefined);
  });

  it('finds the groups of a consumer, sorted', async () => {
    const acls = ['b', 'a'].map((group) => ({ group, consumer: { id: ada.id } }));
    const index = await indexCredentials(createSnapshot(checkedEntities({ ...people, acls })), undefined);
    expect([index.groupsOf(ada.id), index.groupsOf(bob.id)]).to.deep.equal([['a', 'b'], []]);
  });

  it('is kept while no consumer and no credential changes, whatever else does', async () => {
    const entities = checkedEntities(people);
    const index = await indexCredentials(createSnapshot(entities), undefined);
    const others = checkedEntities({ services: [{ name: 's', host: 'h' }] });
    expect(await indexCredentials(createSnapshot({ ...entities, ...others }), index)).to.equal(index);
    const fewer = { ...entities, keyauth_credentials: (entities['keyauth_credentials'] ?? []).slice(1) };
    expect(await indexCredentials(createSnapshot(fewer), index)).not.to.equal(index);
  });

  it('refuses a credential from the second on at which it expires', async () => {
    const credential = { key: 'k', consumer: { id: ada.id }, expires_at: 1_000 };
    const snapshot = createSnapshot(checkedEntities({ consumers: [ada], keyauth_credentials: [credential] }));
    let nowMs = 999_999;
    const index = await indexCredentials(snapshot, undefined, () => nowMs);
    expect(index.find('keyauth_credentials', 'k')?.consumer.username).to.equal('ada');
    nowMs = 1_000_000;
    expect(index.find('keyauth_credentials', 'k')).to.equal(undefined);
  });
});
