import { expect } from 'chai';
import { waitFor } from '../../helpers/wait-for.ts';
import { startAdmin, type AdminFixture } from './admin-fixture.ts';

describe('the Admin API: credentials of consumers', () => {
  let admin: AdminFixture;
  let consumer: string;
  beforeEach(async () => {
    admin = await startAdmin();
    consumer = (await admin.call('PUT', '/consumers/alice', {})).body.id;
  });
  afterEach(() => admin.close());

  it('makes a random key, and answers it below the consumer and flat', async () => {
    const made = await admin.call('POST', '/consumers/alice/key-auth', {});
    expect(made.status, made.text).to.equal(201);
    const { id, created_at, key } = made.body;
    expect(key).to.match(/^[0-9a-f]{32}$/);
    expect(made.body).to.deep.equal({ id, created_at, consumer: { id: consumer }, key, tags: null, ttl: null });
    for (const path of [
      `/key-auths/${id}`,
      `/key-auths/${key}`,
      `/consumers/alice/key-auth/${key}`,
      `/consumers/${consumer}/key-auth/${id}`,
    ]) {
      expect((await admin.call('GET', path)).body, path).to.deep.equal(made.body);
    }
    expect((await admin.call('GET', `/key-auths/${key}/consumer`)).body.username).to.equal('alice');
    expect((await admin.call('GET', '/key-auths')).body.data).to.deep.equal([made.body]);
    expect((await admin.call('GET', '/consumers/alice/key-auth')).body.data).to.deep.equal([made.body]);
  });

  it('PUT below the consumer makes the key that the path names', async () => {
    const made = await admin.call('PUT', '/consumers/alice/key-auth/k1', { tags: ['x'] });
    expect(made.status, made.text).to.equal(200);
    expect(made.body).to.deep.include({ key: 'k1', tags: ['x'], consumer: { id: consumer } });
  });

  it('keeps keys unique without revealing them', async () => {
    await admin.call('POST', '/consumers/alice/key-auth', { key: 'the-key' });
    const second = await admin.call('POST', '/key-auths', { key: 'the-key', consumer: { id: consumer } });
    expect(second.status).to.equal(409);
    expect(second.text).not.to.contain('the-key');
    expect(second.body.message).to.equal(`UNIQUE violation detected on '{key="******"}'`);
  });

  it('deletes credentials with their consumer', async () => {
    await admin.call('POST', '/consumers/alice/key-auth', {});
    await admin.call('POST', '/consumers/alice/jwt', {});
    expect((await admin.call('DELETE', '/consumers/alice')).status).to.equal(204);
    expect((await admin.call('GET', '/key-auths')).body.data).to.deep.equal([]);
    expect((await admin.call('GET', '/jwts')).body.data).to.deep.equal([]);
  });

  it('answers 404 for a consumer that does not exist', async () => {
    expect((await admin.call('POST', '/consumers/none/key-auth', {})).status).to.equal(404);
    expect((await admin.call('POST', '/key-auths', {})).body.fields).to.deep.equal({
      consumer: 'required field missing',
    });
  });

  describe('with a time to live', () => {
    it('counts down, keeps its ETag meanwhile, and clears', async () => {
      const made = await admin.call('POST', '/consumers/alice/key-auth', { key: 'k', ttl: 600 });
      expect(made.body.ttl).to.be.within(590, 600);
      expect(made.text).not.to.contain('expires_at');
      const later = await waitFor(
        async () => {
          const answer = await admin.call('GET', '/key-auths/k');
          return answer.body.ttl < made.body.ttl ? answer : undefined;
        },
        { what: 'a smaller ttl' },
      );
      expect(later.headers.get('etag')).to.equal(made.headers.get('etag'));
      const tagged = await admin.call('PATCH', '/key-auths/k', { tags: ['x'] });
      expect(tagged.body.ttl).to.be.within(1, made.body.ttl);
      expect((await admin.call('PATCH', '/key-auths/k', { ttl: null })).body.ttl).to.equal(null);
      expect((await admin.call('PATCH', '/key-auths/k', new URLSearchParams('ttl=60'))).body.ttl).to.be.within(50, 60);
      expect((await admin.call('PUT', '/consumers/alice/key-auth/k', {})).body.ttl).to.equal(null);
    });

    it('expires from reads, lists and snapshots, and its key can be used again', async () => {
      const { id } = (await admin.call('POST', '/consumers/alice/key-auth', { key: 'k', ttl: 1, tags: ['t'] })).body;
      await waitFor(async () => (await admin.call('GET', '/key-auths/k')).status === 404, {
        what: 'the end of the key',
      });
      expect((await admin.call('GET', `/consumers/alice/key-auth/${id}`)).status).to.equal(404);
      expect((await admin.call('GET', '/key-auths')).body.data).to.deep.equal([]);
      expect((await admin.call('GET', '/key-auths?tags=t')).body.data).to.deep.equal([]);
      expect(admin.store.readAll().entities['keyauth_credentials']).to.deep.equal([]);
      expect((await admin.call('POST', '/consumers/alice/key-auth', { key: 'k' })).status).to.equal(201);
      expect((await admin.call('GET', '/tags')).body.data).to.deep.equal([]);
    });

    it('is purged, which is a change of the configuration', async () => {
      await admin.call('POST', '/consumers/alice/key-auth', { key: 'k', ttl: 1, tags: ['t'] });
      const before = admin.store.revision();
      await waitFor(
        () => {
          admin.store.write((writes) => writes.purgeExpired());
          return admin.store.revision() > before;
        },
        { what: 'a revision without the key' },
      );
      expect((await admin.call('GET', '/tags')).body.data).to.deep.equal([]);
      const after = admin.store.revision();
      admin.store.write((writes) => writes.purgeExpired());
      expect(admin.store.revision()).to.equal(after);
    });

    it('refuses the field that stores the expiry', async () => {
      await admin.call('PUT', '/consumers/alice/key-auth/k', { ttl: 600 });
      for (const [method, path] of [
        ['POST', '/consumers/alice/key-auth'],
        ['PUT', '/consumers/alice/key-auth/k'],
        ['PATCH', '/key-auths/k'],
        ['POST', '/schemas/keyauth_credentials/validate'],
      ] as const) {
        const { status, body } = await admin.call(method, path, { consumer: { id: consumer }, expires_at: 1 });
        expect([status, body.fields], `${method} ${path}`).to.deep.equal([400, { expires_at: 'unknown field' }]);
      }
      expect((await admin.call('PATCH', '/key-auths/k', { tags: ['x'] })).body.ttl).to.be.within(590, 600);
    });

    const range = 'value should be between 0 and 100000000';
    for (const [ttl, message] of [
      [-1, range],
      [100_000_001, range],
      [1.5, 'expected an integer'],
      ['60', 'expected an integer'],
    ] as const) {
      it(`refuses ${JSON.stringify(ttl)}`, async () => {
        const { status, body } = await admin.call('POST', '/consumers/alice/key-auth', { ttl });
        expect([status, body.fields]).to.deep.equal([400, { ttl: message }]);
      });
    }

    it('reads 0 as no expiry', async () => {
      expect((await admin.call('POST', '/consumers/alice/key-auth', { ttl: 0 })).body.ttl).to.equal(null);
    });
  });

  it('has jwt secrets with a random key and secret', async () => {
    const { status, body } = await admin.call('POST', '/consumers/alice/jwt', {});
    expect(status).to.equal(201);
    expect(body.key).to.match(/^[0-9a-f]{32}$/);
    expect(body.secret)
      .to.match(/^[0-9a-f]{32}$/)
      .and.not.equal(body.key);
    expect(body).to.deep.include({ algorithm: 'HS256', rsa_public_key: null, tags: null, consumer: { id: consumer } });
    expect(body).not.to.have.property('updated_at');
    expect((await admin.call('GET', `/consumers/alice/jwt/${body.key}`)).body).to.deep.equal(body);
    expect((await admin.call('GET', `/jwts/${body.id}/consumer`)).body.id).to.equal(consumer);
  });
});
